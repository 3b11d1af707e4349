// The same rate of lifecycles for a long time: what grows slowly shows in the last third. README.md here says more.
import http from 'k6/http';
import {
  APPROVER, REQUESTS, asApprover, asCaller, begin, bodies, decide, end, isOk, ms, options as shared, outcome, report,
  seconds, setting, stage, userRule,
} from '../shared/awe.js';
import { subjectOf } from '../shared/identity.js';

const RATE = setting('RATE', 100, 10_000);
const DURATION = seconds('DURATION', '30m');
const VUS = setting('VUS', 64, 1000);
const THIRDS = ['first', 'middle', 'last'];
const NAMES = THIRDS.flatMap((third) => [`create_${third}`, `decide_${third}`]);

export const options = shared(
  {
    soak: {
      executor: 'constant-arrival-rate', rate: RATE, duration: `${DURATION}s`, preAllocatedVUs: VUS, maxVUs: VUS,
      gracefulStop: '10s',
    },
  },
  NAMES,
  // A lifecycle that could not begin in time waited where no latency shows it.
  { dropped_iterations: ['rate<0.1'] },
);

export function setup() {
  return { ...begin('soak', [stage(1, [userRule(subjectOf(APPROVER))])]), begun: Date.now() };
}

let body;

export default function (data) {
  body = body || bodies(data);
  const third = THIRDS[Math.min(2, Math.floor(((Date.now() - data.begun) / 1000 / DURATION) * 3))];
  const created = http.post(REQUESTS, body(__ITER, `maker-${__VU}`), asCaller(`create_${third}`));
  if (isOk(created)) decide(created.json('tasks.0.id'), asApprover(`decide_${third}`));
}

export const teardown = end;

export function handleSummary(data) {
  const { values, seconds: passed, done, wrong_answers, dropped } = outcome(data);
  const p99 = (name) => values(ms(name))['p(99)'];
  const ratios = Object.fromEntries(
    ['create', 'decide'].map((what) => [what, p99(`${what}_last`) / p99(`${what}_first`)]),
  );
  const notes = [
    `${(done / passed).toFixed(0)} lifecycles per second; ${dropped} not begun in time`,
    `p99 of the last third over the first: create ${ratios.create.toFixed(2)}, decide ${ratios.decide.toFixed(2)}`,
  ];
  return report(data, { lifecycles: done, per_second: done / passed, wrong_answers, dropped, ratios }, notes);
}
