/** Words of this app, and what colours states have. */

import { type Tone, useTranslate } from "@awe/kit";
import type words from "../locales/en.json";
import type { ChangeRequest } from "./types.ts";

export type Word = keyof typeof words;
export function useT() {
  return useTranslate<Word>();
}

export const CATALOGUES = {
  en: () => import("../locales/en.json"),
  fr: () => import("../locales/fr.json"),
  ar: () => import("../locales/ar.json"),
  hi: () => import("../locales/hi.json"),
};

export const TONES: Readonly<Record<ChangeRequest["approval_status"], Tone>> = {
  PENDING: "busy",
  APPROVED: "good",
  REJECTED: "bad",
  CANCELLED: "quiet",
};
