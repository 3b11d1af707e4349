/** How everything looks: Mantine with colours that have the contrast that WCAG 2.2 AA asks for, in light and dark. */

import {
  type CSSVariablesResolver,
  createTheme,
  DirectionProvider,
  type MantineColorsTuple,
  MantineProvider,
  useDirection,
} from "@mantine/core";
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
  // What opens is there, and what closes is gone: nobody waits for a picture of it.
  components: {
    Modal: { defaultProps: { transitionProps: { duration: 0 } } },
    Drawer: { defaultProps: { transitionProps: { duration: 0 } } },
    Popover: { defaultProps: { transitionProps: { duration: 0 } } },
    Tooltip: { defaultProps: { transitionProps: { duration: 0 } } },
  },
  respectReducedMotion: true,
  focusRing: "auto",
});

/** Words in colour have 4.5:1 on what they stand on, and so have words on what is filled. */
const COLOURS: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-error": "#b3261e",
    "--mantine-color-placeholder": "#676e77",
    "--mantine-color-red-filled": "#b3261e",
    "--mantine-color-red-filled-hover": "#8f1e18",
    "--mantine-color-red-outline": "#b3261e",
    "--mantine-color-red-light-color": "#9c1c15",
    "--mantine-color-green-light-color": "#17552a",
    "--mantine-color-orange-light-color": "#713d00",
    "--mantine-color-blue-light-color": "#0f4672",
    "--mantine-color-gray-light-color": "#434a52",
    "--mantine-color-ink-light-color": "#0b3f6b",
  },
  dark: {
    "--mantine-color-error": "#ff9d96",
    "--mantine-color-placeholder": "#a7aeb6",
    "--mantine-color-red-filled": "#b3261e",
    "--mantine-color-red-filled-hover": "#8f1e18",
    "--mantine-color-red-outline": "#ff9d96",
    "--mantine-color-red-light-color": "#ffb3ad",
    "--mantine-color-green-light-color": "#8fdba6",
    "--mantine-color-orange-light-color": "#ffc98a",
    "--mantine-color-blue-light-color": "#a5d0f7",
    "--mantine-color-gray-light-color": "#c6ccd2",
    "--mantine-color-ink-light-color": "#a5d0f7",
  },
});

/** The nonce that the server wrote into the page, for the few styles that are made while it runs. */
export function pageNonce(): string {
  return document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? "";
}

export function Themed({ children }: { children: ReactNode }) {
  const { locale } = useSpeech();
  return (
    <DirectionProvider initialDirection={directionOf(locale)} detectDirection={false}>
      <MantineProvider theme={THEME} defaultColorScheme="auto" getStyleNonce={pageNonce} cssVariablesResolver={COLOURS}>
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
