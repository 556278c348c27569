// Marks nobody sees: they turn the reading direction round, hide, or stand between letters. Text that came
// from people and machines is shown without them, as package redact has it for every other surface.
const invisible = /[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\u{e0000}-\u{e0fff}]/gu;

export const safe = (text: string) => text.replace(invisible, "");
