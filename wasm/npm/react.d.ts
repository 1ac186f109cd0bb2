// Declares <symdiff-viewer> for React 19's JSX: import type {} from "symdiff-mol/react";

import type { DetailedHTMLProps, HTMLAttributes } from "react";
import type { SymDiffViewer, SymDiffViewerAttributes, SymDiffViewerEventMap } from "./viewer.js";

declare module "react" {
  namespace JSX {
    interface IntrinsicElements {
      "symdiff-viewer": DetailedHTMLProps<HTMLAttributes<SymDiffViewer>, SymDiffViewer> &
        SymDiffViewerAttributes & {
          onmolecule?: (event: SymDiffViewerEventMap["molecule"]) => void;
          ontrouble?: (event: SymDiffViewerEventMap["trouble"]) => void;
        };
    }
  }
}
