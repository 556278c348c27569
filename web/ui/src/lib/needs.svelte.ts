// How many things wait for this person; the rail shows it in every room.
class Needs {
  count = $state(0);
}
export const needs = new Needs();
