// What the generator starts from: every block, and the views that hold them.
import type { HomeView, KnownBlock, ModalView } from "@slack/types";

export interface Everything {
  block: KnownBlock;
  modal: ModalView;
  home: HomeView;
}
