// Very many requests are created at once, each with webhooks; then the run waits until nothing is owed. README.md here
// says more.
import http from 'k6/http';
import { sleep } from 'k6';
import { Trend } from 'k6/metrics';
import {
  APPROVER, REQUESTS, asCaller, begin, bodies, cancelOpen, deliveries, end, isOk, options as shared, outcome, report,
  seconds, setting, stage, userRule,
} from '../shared/awe.js';
import { subjectOf } from '../shared/identity.js';

const { CALLBACK_URL } = __ENV;
if (!CALLBACK_URL) throw new Error('CALLBACK_URL: where webhooks go, for example that of python3 loadtest/sink.py 9099');
const COUNT = setting('COUNT', 5000, 1_000_000);
const DRAIN_SECONDS = setting('DRAIN_SECONDS', 60, 3600);
const drained = new Trend('drain_ms', true);

export const options = {
  ...shared(
    {
      burst: {
        executor: 'shared-iterations', vus: setting('VUS', 64, 1000), iterations: COUNT,
        maxDuration: `${seconds('DURATION', '5m')}s`,
      },
    },
    ['create'],
    { drain_ms: [`max<${DRAIN_SECONDS * 1000}`] },
  ),
  teardownTimeout: `${DRAIN_SECONDS + 600}s`,
};

export function setup() {
  return begin('burst', [stage(1, [userRule(subjectOf(APPROVER))])]);
}

let body;

export default function (data) {
  body = body || bodies(data, { callback_url: CALLBACK_URL });
  isOk(http.post(REQUESTS, body(__ITER), asCaller('create')));
}

// The list of deliveries knows no run, so what others are owed on this server is waited for, too.
export function teardown(data) {
  const begun = Date.now();
  while (deliveries('pending').length && Date.now() - begun < DRAIN_SECONDS * 1000) sleep(0.2);
  drained.add(Date.now() - begun);
  cancelOpen(data);
  end(data);
}

export function handleSummary(data) {
  const { values, wrong_answers, done } = outcome(data);
  const drain = (values('drain_ms').max || 0) / 1000;
  const notes = [`${done} of ${COUNT} requests were created; webhooks were owed for ${drain.toFixed(1)} s after the last`];
  return report(data, { requests: done, wrong_answers, drain_seconds: drain }, notes);
}
