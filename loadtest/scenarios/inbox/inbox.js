// People look at their lists and numbers while requests are created and decided. README.md here says more.
import http from 'k6/http';
import { sleep } from 'k6';
import {
  API, REQUESTS, TASKS, asCaller, begin, bodies, cancelOpen, decide, end, isOk, options as shared, outcome, prepare,
  report, seconds, setting, stage,
} from '../shared/awe.js';
import { caller, signed, subjectOf } from '../shared/identity.js';

// One caller may have two lists read at once (`server.max_lists_per_caller`), and with an issuer all are one caller.
const READERS = setting('READERS', signed ? 2 : 8, 1000);
const OPEN = setting('OPEN', 400, 100_000);
const RATE = setting('RATE', 50, 10_000);
const DURATION = `${seconds('DURATION', '30s')}s`;
const PAUSE = setting('PAUSE_MS', 200, 60_000) / 1000;
const LISTS = {
  open: `${TASKS}?status=open`,
  second_page: `${TASKS}?page=2`,
  all: TASKS,
  stats: `${API}/tasks/stats`,
  stats_open: `${API}/tasks/stats?status=open`,
  search: `${TASKS}?status=open&search_text=north`,
  requests: `${REQUESTS}?status=in_review`,
};
const people = Array.from({ length: READERS }, (_, n) => `load-reader-${n + 1}`);
const as = people.map((name) => caller(name));

export const options = shared(
  {
    read: { executor: 'constant-vus', exec: 'read', vus: READERS, duration: DURATION, gracefulStop: '10s' },
    write: {
      executor: 'constant-arrival-rate', exec: 'write', rate: RATE, duration: DURATION, preAllocatedVUs: 32, maxVUs: 64,
      gracefulStop: '10s',
    },
  },
  [...Object.keys(LISTS), 'create', 'decide'],
);

// The context names who is asked, so each reader's inbox holds a share of the requests.
export function setup() {
  const rule = { rule_type: 'expression', rule_value: { logic: { var: 'approver' } } };
  const data = begin('inbox', [stage(1, [rule])]);
  const write = writers(data);
  prepare(OPEN, (n) => write[n % READERS](n));
  return data;
}

function writers(data) {
  return people.map((name) => bodies(data, {}, { approver: subjectOf(name) }));
}

export function read() {
  const mine = as[(__VU - 1) % READERS];
  for (const [name, url] of Object.entries(LISTS)) isOk(http.get(url, mine(name)), 200);
  sleep(PAUSE);
}

let write_;

export function write(data) {
  write_ = write_ || writers(data);
  const reader = __ITER % READERS;
  const created = http.post(REQUESTS, write_[reader](__ITER), asCaller('create'));
  if (isOk(created)) decide(created.json('tasks.0.id'), as[reader]('decide'));
}

export function teardown(data) {
  cancelOpen(data);
  end(data);
}

export function handleSummary(data) {
  const { seconds: passed, wrong_answers, dropped } = outcome(data);
  const note = `${READERS} people look at ${OPEN} open tasks while ${RATE} requests a second are made; ${dropped} not begun in time`;
  return report(data, { seconds: passed, wrong_answers, dropped }, [note]);
}
