/** Filters, pages, tabs and drawers live in the URL: plain words there, so that links can be read, shared and reloaded. */

import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback } from "react";

export type Search = Record<string, string | undefined>;

export function parseSearch(text: string): Search {
  const found: Search = {};
  for (const [name, value] of new URLSearchParams(text)) if (value !== "") found[name] = value;
  return found;
}

export function stringifySearch(search: Record<string, unknown>): string {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(search)) {
    if (value !== undefined && value !== null && value !== "") words.set(name, String(value));
  }
  const text = words.toString();
  return text === "" ? "" : `?${text}`;
}

/** For `validateSearch`: keeps the names that a page knows, and drops the rest rather than failing. */
export function only<Name extends string>(
  ...names: Name[]
): (search: Record<string, unknown>) => { [K in Name]?: string } {
  return (search) => {
    const kept: { [K in Name]?: string } = {};
    for (const name of names) {
      const value = search[name];
      if (typeof value === "string" && value !== "" && value.length <= 2_000) kept[name] = value;
    }
    return kept;
  };
}

export interface Url {
  all: Search;
  get: (name: string) => string | undefined;
  /** Writes these; undefined removes one. `replace`: no step of the browser's history. */
  set: (patch: Search, options?: { replace?: boolean }) => void;
}

export function useUrl(): Url {
  const all = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const set = useCallback(
    (patch: Search, options: { replace?: boolean } = {}) => {
      const search = (previous: Search) => ({ ...previous, ...patch });
      navigate({ to: ".", search: search as never, replace: options.replace ?? false, resetScroll: false });
    },
    [navigate],
  );
  return { all, get: (name) => all[name], set };
}
