// The terminal player, loaded only when somebody wants to see a recording.
import * as AsciinemaPlayer from "asciinema-player";
import "asciinema-player/dist/bundle/asciinema-player.css";

export function create(data: string, box: HTMLElement) {
  box.replaceChildren();
  return AsciinemaPlayer.create({ data }, box, { fit: "width", idleTimeLimit: 2, preload: true, autoPlay: true, terminalFontFamily: getComputedStyle(document.documentElement).getPropertyValue("--mono") });
}
