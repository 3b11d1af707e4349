/** Words: which language is spoken, and how a message of a catalogue is said in it. */

import { createContext, type ReactNode, useContext, useEffect, useState } from "react";
import { IntlProvider, useIntl } from "react-intl";
import type kitWords from "./locales/en.json";

export const LOCALES = ["en", "fr", "ar", "hi"] as const;
/** `en-XA` is English with accents and longer: whatever is plain English there was never put into a catalogue. */
export type Locale = (typeof LOCALES)[number] | "en-XA";
export const LOCALE_NAMES: Readonly<Record<(typeof LOCALES)[number], string>> = {
  en: "English",
  fr: "Français",
  ar: "العربية",
  hi: "हिन्दी",
};

type Catalogue = Record<string, string>;
export type Catalogues = Readonly<Record<(typeof LOCALES)[number], () => Promise<{ default: Catalogue }>>>;
export type Values = Record<string, string | number | boolean | Date | null | undefined>;
export type Translate<Id extends string> = (id: Id, values?: Values) => string;

const KIT: Catalogues = {
  en: () => import("./locales/en.json"),
  fr: () => import("./locales/fr.json"),
  ar: () => import("./locales/ar.json"),
  hi: () => import("./locales/hi.json"),
};
const KEPT = "awe.locale";

export function isLocale(text: unknown): text is Locale {
  return text === "en-XA" || (LOCALES as readonly unknown[]).includes(text);
}

/** The language that was chosen here before, else the first of the browser's that we speak, else English. */
export function firstLocale(kept: string | null, wanted: readonly string[]): Locale {
  if (isLocale(kept)) return kept;
  return (wanted.map((tag) => tag.split("-")[0]).find((tag) => isLocale(tag)) as Locale | undefined) ?? "en";
}

export function directionOf(locale: Locale): "rtl" | "ltr" {
  return locale === "ar" ? "rtl" : "ltr";
}

interface Speech {
  locale: Locale;
  speak: (locale: Locale) => void;
}

const SpeechContext = createContext<Speech>({ locale: "en", speak: () => undefined });

/** Loads the catalogues of the kit and of the app in the language of the viewer; a message of the app wins. */
export function Speaking({ catalogues, children }: { catalogues: Catalogues; children: ReactNode }) {
  const [locale, speak] = useState<Locale>(() => firstLocale(localStorage.getItem(KEPT), navigator.languages));
  const [spoken, setSpoken] = useState<{ locale: Locale; messages: Record<string, never> }>();
  useEffect(() => {
    let stale = false;
    load(locale, catalogues).then((messages) => {
      if (stale) return;
      document.documentElement.lang = locale;
      document.documentElement.dir = directionOf(locale);
      setSpoken({ locale, messages: messages as Record<string, never> });
    });
    return () => {
      stale = true;
    };
  }, [locale, catalogues]);
  if (!spoken) return null;
  const choose = (next: Locale) => {
    localStorage.setItem(KEPT, next);
    speak(next);
  };
  return (
    <SpeechContext value={{ locale: spoken.locale, speak: choose }}>
      <IntlProvider
        locale={spoken.locale === "en-XA" ? "en" : spoken.locale}
        messages={spoken.messages}
        onError={report}
      >
        {children}
      </IntlProvider>
    </SpeechContext>
  );
}

function report(error: Error) {
  console.error(error.message);
}

async function load(locale: Locale, catalogues: Catalogues): Promise<Record<string, unknown>> {
  const base = locale === "en-XA" ? "en" : locale;
  const [kit, own] = await Promise.all([KIT[base](), catalogues[base]()]);
  const messages = { ...kit.default, ...own.default };
  if (locale !== "en-XA") return messages;
  return (await import("./pseudo.ts")).pseudo(messages);
}

export function useSpeech(): Speech {
  return useContext(SpeechContext);
}

/** How messages of a catalogue are said; an app gives it the ids of its own. */
export function useTranslate<Id extends string>(): Translate<Id | keyof typeof kitWords> {
  const intl = useIntl();
  return (id, values) => intl.formatMessage({ id }, values) as string;
}
