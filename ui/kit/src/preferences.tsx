/** What a viewer has chosen for how things look here: kept in this browser. */

import { createContext, type ReactNode, useContext, useState } from "react";

export type Zone = "local" | "utc";
interface Preferences {
  zone: Zone;
  setZone: (zone: Zone) => void;
}

const KEPT = "awe.zone";
const PreferencesContext = createContext<Preferences>({ zone: "local", setZone: () => undefined });

export function PreferencesProvider({ children }: { children: ReactNode }) {
  const [zone, setZone] = useState<Zone>(() => (localStorage.getItem(KEPT) === "utc" ? "utc" : "local"));
  const keep = (next: Zone) => {
    localStorage.setItem(KEPT, next);
    setZone(next);
  };
  return <PreferencesContext value={{ zone, setZone: keep }}>{children}</PreferencesContext>;
}

export function usePreferences(): Preferences {
  return useContext(PreferencesContext);
}

/** The name of the zone that times are shown in, for `Intl`. */
export function zoneName(zone: Zone): string {
  return zone === "utc" ? "UTC" : Intl.DateTimeFormat().resolvedOptions().timeZone;
}
