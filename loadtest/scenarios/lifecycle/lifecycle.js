// One lifecycle is a create and the approving decision on its only task, as fast as the server answers or, with RATE, as
// often as that. README.md here says more; `./dev bench` runs this too.
import http from 'k6/http';
import {
  APPROVER, REQUESTS, asApprover, asCaller, begin, bodies, decide, end, isOk, ms, options as shared, outcome, report,
  seconds, setting, stage, userRule,
} from '../shared/awe.js';
import { subjectOf } from '../shared/identity.js';

const VUS = setting('VUS', 16, 1000);
const DURATION = `${seconds('DURATION', __ENV.ITERATIONS ? '10m' : '10s')}s`;
const WITH_WEBHOOKS = __ENV.CALLBACK_URL ? { callback_url: __ENV.CALLBACK_URL } : {};

function bounds() {
  if (__ENV.ITERATIONS) {
    const iterations = setting('ITERATIONS', 1, 10_000_000);
    return { executor: 'shared-iterations', vus: VUS, iterations, maxDuration: DURATION };
  }
  if (!__ENV.RATE) return { executor: 'constant-vus', vus: VUS, duration: DURATION };
  const rate = setting('RATE', 1, 100_000);
  return { executor: 'constant-arrival-rate', rate, duration: DURATION, preAllocatedVUs: VUS, maxVUs: VUS };
}

export const options = shared({ lifecycle: { ...bounds(), gracefulStop: '10s' } }, ['create', 'decide']);

export function setup() {
  return begin('lifecycle', [stage(1, [userRule(subjectOf(APPROVER))])]);
}

let body;

export default function (data) {
  body = body || bodies(data, WITH_WEBHOOKS);
  const created = http.post(REQUESTS, body(__ITER, `maker-${__VU}`), asCaller('create'));
  if (isOk(created)) decide(created.json('tasks.0.id'), asApprover('decide'));
}

export const teardown = end;

export function handleSummary(data) {
  const { values, seconds: passed, done, wrong_answers, dropped } = outcome(data);
  const figures = { seconds: passed, lifecycles: done, per_second: done / passed, wrong_answers, dropped };
  const times = { create_ms: values(ms('create')), decide_ms: values(ms('decide')) };
  const note = `${done} lifecycles in ${passed.toFixed(1)} s: ${(done / passed).toFixed(0)} per second, ${dropped} not begun in time`;
  return report(data, { ...figures, ...times }, [note]);
}
