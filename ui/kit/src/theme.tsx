/** How everything looks: Mantine with colours that have the contrast that WCAG 2.2 AA asks for, in light and dark. */

import { createTheme, DirectionProvider, type MantineColorsTuple, MantineProvider, useDirection } from "@mantine/core";
import { setNonce } from "get-nonce";
import { type ReactNode, useEffect } from "react";
import { directionOf, useSpeech } from "./i18n.tsx";
import { Toasts } from "./ui/toasts.tsx";

const INK: MantineColorsTuple = [
  "#eef5fb",
  "#d9e8f5",
  "#b2d0ea",
  "#87b6df",
  "#5f9dd3",
  "#3f88c8",
  "#2a74b5",
  "#1b629f",
  "#135084",
  "#0b3f6b",
];

export const THEME = createTheme({
  primaryColor: "ink",
  primaryShade: { light: 7, dark: 6 },
  colors: { ink: INK },
  autoContrast: true,
  luminanceThreshold: 0.3,
  fontFamily:
    'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Noto Sans Arabic", "Noto Sans Devanagari", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SFMono-Regular", Menlo, Consolas, "Noto Sans Mono", monospace',
  defaultRadius: "sm",
  cursorType: "pointer",
  respectReducedMotion: true,
  focusRing: "auto",
});

/** The nonce that the server wrote into the page, for the few styles that are made while it runs. */
export function pageNonce(): string {
  return document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";
}

export function Themed({ children }: { children: ReactNode }) {
  const { locale } = useSpeech();
  return (
    <DirectionProvider initialDirection={directionOf(locale)} detectDirection={false}>
      <MantineProvider theme={THEME} defaultColorScheme="auto" getStyleNonce={pageNonce}>
        <NonceForLibraries />
        <Direction />
        {children}
        <Toasts />
      </MantineProvider>
    </DirectionProvider>
  );
}

function NonceForLibraries() {
  useEffect(() => setNonce(pageNonce()), []);
  return null;
}

/** The language may change while the page is open. */
function Direction() {
  const { locale } = useSpeech();
  const { setDirection } = useDirection();
  useEffect(() => setDirection(directionOf(locale)), [locale, setDirection]);
  return null;
}
