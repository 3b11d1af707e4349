/** Says things to screen readers, politely and one after the other. */

import { useEffect, useState } from "react";

let speak: ((text: string) => void) | undefined;

export function announce(text: string): void {
  speak?.(text);
}

export function Announcer() {
  const [text, setText] = useState("");
  useEffect(() => {
    speak = setText;
    return () => {
      speak = undefined;
    };
  }, []);
  return (
    <div role="status" aria-live="polite" className="kit-unseen">
      {text}
    </div>
  );
}
