/** Where the approval stands, by the element that any caller of AWE may embed. */

import type { AweApproval } from "@awe/client/approval";
import "@awe/client/approval";
import { usePreferences, useSession, useSpeech } from "@awe/kit";
import { useEffect, useRef } from "react";

export function Approval({ id, deeds, onStatus }: { id: string; deeds: number; onStatus: () => void }) {
  const { session } = useSession();
  const { locale } = useSpeech();
  const { zone } = usePreferences();
  const place = useRef<HTMLDivElement>(null);
  const shown = useRef<AweApproval>(undefined);
  const told = useRef(onStatus);
  told.current = onStatus;
  useEffect(() => {
    const element = document.createElement("awe-approval");
    element.token = session.token;
    element.setAttribute("base-url", "/v1/registry/change-requests");
    element.setAttribute("request-id", id);
    element.setAttribute("locale", locale);
    if (zone === "utc") element.setAttribute("time-zone", "UTC");
    let isFirst = true;
    element.addEventListener("awe-approval-status", () => {
      if (!isFirst) told.current();
      isFirst = false;
    });
    place.current?.replaceChildren(element);
    shown.current = element;
    return () => element.remove();
  }, [id, session, locale, zone]);
  useEffect(() => {
    if (deeds > 0) shown.current?.refresh();
  }, [deeds]);
  // It has a heading of its own.
  return <div ref={place} className="kit-section" />;
}
