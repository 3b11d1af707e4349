/** Draws a state of the feed. Texts from outside become text, never markup. */

import type { State } from "./feed.js";
import type { Happening, Seat, Stage, Story } from "./story.js";
import type { Words } from "./words.js";

export interface Look {
  words: Words;
  locale: string;
  timeZone: string | undefined;
}

type Child = Node | string | false | undefined;

export function element(tag: string, attributes: Record<string, string | undefined> = {}, ...children: Child[]) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(name, value);
  made.append(...children.filter((child) => child !== false && child !== undefined));
  return made;
}

export function drawStory(story: Story, stale: boolean, look: Look): Node[] {
  const { words } = look;
  const status = element("span", { class: "state", "data-tone": story.tone, part: "status" }, story.word);
  return [
    element("p", { class: "head" }, element("span", { class: "name" }, words.title), status),
    ...(stale ? [element("p", { class: "quiet", role: "note" }, words.stale)] : []),
    // A list without markers is no list to some screen readers, unless it says so.
    element(
      "ol",
      { class: "stages", role: "list", "aria-label": words.stages },
      ...story.stages.map((one) => drawStage(one, look)),
    ),
  ];
}

function drawStage(stage: Stage, look: Look): Node {
  const { words } = look;
  const number = new Intl.NumberFormat(look.locale);
  const facts: Child[] = [
    stage.approvals !== undefined && fact(words.approvals, stage.approvals),
    stage.seatCount > 0 && fact(words.seats, number.format(stage.seatCount)),
    stage.awaited.length > 0 && fact(words.awaited, stage.awaited.join(", ")),
    stage.dueAt !== undefined &&
      fact(stage.isOverdue ? words.overdue : words.due, moment(stage.dueAt, look), stage.isOverdue),
    stage.isCurrent && stage.seats.length === 0 && element("span", {}, words.noSeats),
  ];
  return element(
    "li",
    { "data-tone": stage.tone, "aria-current": stage.isCurrent ? "step" : undefined, part: "stage" },
    stage.isTogether && element("span", { class: "quiet" }, words.together),
    element(
      "div",
      { class: "head" },
      element("span", { class: "name", dir: "auto" }, stage.name),
      element("span", { class: "state", "data-tone": stage.tone }, stage.state),
    ),
    facts.some(Boolean) && element("div", { class: "facts" }, ...facts),
    stage.seats.length > 0 &&
      element(
        "ul",
        { class: "seats", role: "list", "aria-label": words.seats },
        ...stage.seats.map((seat) => drawSeat(seat, look)),
      ),
  );
}

function fact(label: string, value: Node | string, isOver = false): Node {
  return element("span", { class: isOver ? "over" : undefined }, `${label}: `, element("b", {}, value));
}

function drawSeat(seat: Seat, look: Look): Node {
  return element(
    "li",
    { class: "seat" },
    element("bdi", {}, seat.who),
    element("span", { class: "state", "data-tone": seat.tone }, seat.state),
    seat.notes.length > 0 && element("span", { class: "quiet" }, seat.notes.join(" · ")),
    seat.at !== undefined && element("span", { class: "quiet" }, moment(seat.at, look)),
    seat.comment !== undefined && element("blockquote", { dir: "auto" }, seat.comment),
  );
}

export function drawHistory(history: Happening[], look: Look): Node[] {
  return history.map((one) =>
    element(
      "li",
      {},
      element(
        "div",
        { class: "head" },
        element("span", {}, one.what),
        element("span", { class: "quiet" }, moment(one.at, look)),
      ),
      element("div", { class: "quiet" }, element("bdi", {}, one.who)),
      one.comment !== undefined && element("blockquote", { dir: "auto" }, one.comment),
    ),
  );
}

/** What is shown while there is no approval to show. */
export function drawNote(state: Exclude<State, { is: "shown" }>, { words }: Look, again: () => void): Node {
  if (state.is === "loading") return element("p", { class: "note", "aria-busy": "true" }, words.loading);
  const button = element("button", { type: "button" }, words.retry);
  button.addEventListener("click", again);
  return element("div", { class: "note" }, element("p", {}, words[state.is]), button);
}

function moment(iso: string, { locale, timeZone }: Look): Node {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return element("span", {}, iso);
  const text = date.toLocaleString(locale, {
    dateStyle: "medium",
    timeStyle: "short",
    ...(timeZone ? { timeZone } : {}),
  });
  return element("time", { datetime: date.toISOString(), title: date.toISOString() }, text);
}
