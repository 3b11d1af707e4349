// Many deadlines pass at the same moment while people decide. README.md here says more.
import http from 'k6/http';
import { sleep } from 'k6';
import { Trend } from 'k6/metrics';
import {
  APPROVER, REQUESTS, asApprover, asCaller, begin, bodies, decide, end, isOk, ms, options as shared, outcome, page,
  prepare, report, seconds, setting, stage, userRule,
} from '../shared/awe.js';
import { subjectOf } from '../shared/identity.js';

const COUNT = setting('COUNT', 2000, 100_000);
const LEAD = seconds('LEAD', '20s');
const AFTER = seconds('AFTER', '5s');
const LATE_MS = setting('LATE_MS', 5000, 600_000);
const RATE = setting('RATE', 50, 10_000);
const late = new Trend('late_ms', true);

export const options = shared(
  {
    decide: {
      executor: 'constant-arrival-rate', rate: RATE, duration: `${LEAD + AFTER}s`, preAllocatedVUs: 32, maxVUs: 64,
      gracefulStop: '10s',
    },
  },
  ['create', 'decide_before', 'decide_after'],
  { late_ms: [`max<${LATE_MS}`] },
);

// Hours are the unit of a task's deadline, so requests that expire within seconds stand in: the server finds both in the
// same way.
export function setup() {
  const data = begin('sla', [stage(1, [userRule(subjectOf(APPROVER))])]);
  const due = Math.ceil(Date.now() / 1000 + LEAD) * 1000;
  const expires = new Date(due).toISOString();
  prepare(COUNT, bodies(data, { expires_at: expires }));
  if (Date.now() > due - (LEAD * 1000) / 2) throw new Error(`making ${COUNT} requests took most of LEAD: raise it`);
  return { ...data, due };
}

let body;

export default function (data) {
  body = body || bodies(data);
  const created = http.post(REQUESTS, body(__ITER, `maker-${__VU}`), asCaller('create'));
  const phase = Date.now() < data.due ? 'decide_before' : 'decide_after';
  if (isOk(created)) decide(created.json('tasks.0.id'), asApprover(phase));
}

// Waits until none of the requests is in review any more, then reads how late each of them ended.
export function teardown(data) {
  const giveUp = data.due + 10 * LATE_MS;
  while (page(data, 'in_review', '', 1).items.length && Date.now() < giveUp) sleep(0.5);
  let read = 0;
  for (let { items, next } = page(data, 'expired'); ; { items, next } = page(data, 'expired', next)) {
    for (const { completed_at: ended } of items) late.add(Math.max(0, Date.parse(ended) - data.due));
    read += items.length;
    if (!next) break;
  }
  // One that never expired is as late as the run was patient.
  for (; read < COUNT; read += 1) late.add(giveUp - data.due);
  end(data);
}

export function handleSummary(data) {
  const { values, wrong_answers, dropped } = outcome(data);
  const p95 = (name) => values(ms(name))['p(95)'];
  const ratio = p95('decide_after') / p95('decide_before');
  const notes = [
    `${COUNT} deadlines at one moment: the last was acted on ${(values('late_ms').max / 1000).toFixed(1)} s later`,
    `decisions' p95 afterwards is ${ratio.toFixed(2)} times the one before`,
  ];
  return report(data, { late_ms: values('late_ms'), ratio, wrong_answers, dropped }, notes);
}
