/** Pictures of one stroke. They say nothing by themselves: a word stands beside each, or names its button. */

const PATHS = {
  home: "M3 11l9-8 9 8M5 10v10h5v-6h4v6h5V10",
  inbox: "M3 13l3-9h12l3 9v7H3zM3 13h5l2 3h4l2-3h5",
  list: "M8 6h13M8 12h13M8 18h13M3 6h1M3 12h1M3 18h1",
  flow: "M4 4h6v5H4zM14 15h6v5h-6zM7 9v8h7",
  send: "M22 2L11 13M22 2l-7 20-4-9-9-4z",
  key: "M14 10a4 4 0 1 0-3.5 4L13 16h2v2h2v2h4v-3z",
  swap: "M4 8h14l-3-3M20 16H6l3 3",
  audit: "M6 2h9l4 4v16H6zM9 10h7M9 14h7M9 18h4",
  system: "M12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM12 2v4M12 18v4M2 12h4M18 12h4M5 5l3 3M16 16l3 3M19 5l-3 3M8 16l-3 3",
  check: "M4 13l5 5L20 6",
  cross: "M5 5l14 14M19 5L5 19",
  minus: "M5 12h14",
  plus: "M12 5v14M5 12h14",
  clock: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7v5l3 3",
  alert: "M12 3L2 20h20zM12 9v5M12 17v1",
  info: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 11v6M12 7v1",
  copy: "M8 8h12v12H8zM4 16V4h12",
  search: "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM15 15l6 6",
  down: "M5 9l7 7 7-7",
  up: "M5 15l7-7 7 7",
  next: "M9 5l7 7-7 7",
  back: "M15 5l-7 7 7 7",
  user: "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4 21c0-5 4-7 8-7s8 2 8 7",
  users: "M9 5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7zM2 20c0-4 3-6 7-6s7 2 7 6M16 5a3.5 3.5 0 0 1 0 7M18 14c3 1 4 3 4 6",
  refresh: "M20 5v5h-5M4 19v-5h5M5 10a8 8 0 0 1 14-2l1 2M19 14a8 8 0 0 1-14 2l-1-2",
  download: "M12 3v12M7 11l5 5 5-5M4 20h16",
  print: "M7 8V3h10v5M7 17H4V8h16v9h-3M7 14h10v7H7z",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1 1M18 18l1 1M19 5l-1 1M6 18l-1 1",
  moon: "M20 14A8.5 8.5 0 1 1 10 4a7 7 0 0 0 10 10z",
  globe: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM3 12h18M12 3c3 3 3 15 0 18M12 3c-3 3-3 15 0 18",
  link: "M10 14a4 4 0 0 0 6 0l4-4a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-4 4a4 4 0 0 0 6 6l1-1",
  eye: "M2 12c4-8 16-8 20 0-4 8-16 8-20 0zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z",
  skip: "M5 5l8 7-8 7zM18 5v14",
  trash: "M4 7h16M9 7V4h6v3M6 7l1 14h10l1-14",
  edit: "M4 20l1-5L16 4l4 4L9 19z",
} as const;

export type IconName = keyof typeof PATHS;
/** Arrows that point along the line of reading. */
const ALONG = new Set<IconName>(["next", "back", "send", "skip", "swap"]);

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg
      className={ALONG.has(name) ? "kit-icon kit-along" : "kit-icon"}
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.8"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
