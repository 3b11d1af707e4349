/** What apps of this workspace have in common. */

export { type Draft, draftsUnder, useDraft } from "./draft.ts";
export {
  type Catalogues,
  directionOf,
  firstLocale,
  LOCALE_NAMES,
  LOCALES,
  type Locale,
  type Translate,
  useSpeech,
  useTranslate,
  type Values,
} from "./i18n.tsx";
export { type LiveEvent, LiveProvider, useLive, useLiveness, useNews, usePollInterval } from "./live.tsx";
export { PreferencesProvider, usePreferences } from "./preferences.tsx";
export { ErrorNote, kindOf, type Problem, problemOf } from "./problem.tsx";
export { only, parseSearch, type Search, stringifySearch, type Url, useUrl } from "./search.ts";
export { noteError } from "./session/over.ts";
export { SessionProvider, useSession } from "./session/SessionProvider.tsx";
export { type DevelopmentUser, type Session, SessionEnded, type SignIn } from "./session/types.ts";
export { type NavItem, Shell } from "./shell/Shell.tsx";
export { queries, start } from "./start.tsx";
export { pageNonce, THEME, Themed } from "./theme.tsx";
export { announce } from "./ui/announce.tsx";
export { type Bar, DayChart, type Series } from "./ui/Chart.tsx";
export { Confirm } from "./ui/Confirm.tsx";
export { DataTable, Difference, differences, linesOf, nameText } from "./ui/DataTable.tsx";
export { DecisionForm, useDecisionWords, type Verdict } from "./ui/DecisionForm.tsx";
export { type Filter, FilterBar, fromLocal, toLocal } from "./ui/FilterBar.tsx";
export { FlowPicture, type FlowSeat, type FlowStage } from "./ui/FlowPicture.tsx";
export { Icon, type IconName } from "./ui/Icon.tsx";
export { type Column, type ListPage, QueryTable, type Selection, toggled } from "./ui/QueryTable.tsx";
export { exported, type Row, save } from "./ui/saving.ts";
export { Copy, Empty, Export, Facts, Outward, Page, Section, Status, type Tone } from "./ui/small.tsx";
export { Duration, durationText, Time, useNow } from "./ui/Time.tsx";
export { type Happening, Timeline } from "./ui/Timeline.tsx";
export { toast } from "./ui/toasts.tsx";
