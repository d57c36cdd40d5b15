import { END_REASONS, GAP_REASONS, STREAM_NOTICES } from '@memoric/contracts/event-stream-contract.ts'
import { CRITICAL_ELSEWHERE, CRITICAL_EVENTS } from '@memoric/contracts/critical-events.ts'
import { EVENT_TYPES, severityOf } from '@memoric/contracts/event-types.ts'

/** Programs that the page shows, by their names in docs/examples. */
export interface EventExamples {
  readonly sse: string
  readonly nats: string
}

/** docs/events.md: every event and what it tells, and how to follow them. */
export function eventsPage({ sse, nats }: EventExamples): string {
  const rows = Object.entries(EVENT_TYPES).map(
    ([type, { app, resource, summary }]) => `| \`${type}\` | ${app} | ${resource} | ${severityOf(type)} | ${summary} |`,
  )
  return `# Events

Each change and each read is told by one event, a CloudEvents 1.0 envelope in JSON (see asyncapi.json), published to NATS
JetStream as \`memoric.v1.<tenant id>.<type>\` in the stream \`MEMORIC_EVENTS\`. Events carry ids and structure, never content;
addresses, user agents and e-mails travel sealed, for the audit service only. An event may arrive more than once: its \`id\`
tells. The audit log keeps each once; its \`operation\` is the type of the event.

## What an event tells

Who (\`actor\`: \`user:<id>\`, \`api_key:<id>\`, \`service:<app>\`, \`operator:<name>\`), in which tenant, about what, with which outcome, over
which endpoint, method and status, how long it took, and:

- **why**, in \`data.reason\`. A client says it with the header \`X-Memoric-Reason\`: one line of 1 to 256 printable characters in UTF-8, such
  as a ticket or a policy. It is kept in the log as it is and for good, so it must not hold personal data. Where an event has a reason of
  its own (why something was refused, say), that of the client is in \`details.stated_reason\`. Events of refusals carry the error code alone.
- **which request**, in \`data.request_id\`: the \`x-request-id\` of the answer.
- **which trace**, in \`traceparent\` (W3C Trace Context). A client may send the header \`traceparent\`; one that is not valid is ignored.
  Without one the trace id is the request id without its dashes. In the log a trace that a client named is \`details.trace_id\`.

An event has at most 32 KiB. Details that would make it larger are replaced by \`{"truncated": true, "bytes": …, "sha256": …}\`.

## What is guaranteed

- The event of a change is written in the transaction of the change: both are there, or neither is.
- It stays in the outbox of its app until audit has committed it. It is published again when audit did not confirm it within five minutes, and
  at once when the stream was lost.
- Audit keeps each event once, however often it comes. What a killed process of audit had in its hands comes to the next one after 6 seconds.
- What audit cannot take (no valid event, too large, refused by the database) is kept as a **dead letter**: sealed in its database, in the stream
  \`MEMORIC_DEAD_LETTERS\`, and told by \`audit.event_rejected\`. \`GET /v1/audit/dead-letters\` lists those of the tenant, \`POST
  /v1/audit/dead-letters/:id/replay\` gives one to the log again. Those that do not say clearly whose they are have
  \`npm run memoric -- audit dead-letters\` and \`audit replay <id>\`. Of several replays of one letter at once one is done, and all get its
  answer. They are kept for \`AUDIT_DEAD_LETTER_DAYS\` (90) after they came last, longer while their tenant is on legal hold; that they went
  is told by \`audit.dead_letters_dropped\`. The content of a letter that names a person who is erased is destroyed with the erasure, in the
  database and in the stream; the letter stays, empty, and cannot be replayed.
- Every hour (looked for every \`AUDIT_COMPARISON_SECONDS\`) the log is compared with what the apps have counted, by tenant: the number of events and the sum of their ids. A difference is
  told by \`audit.difference_found\`, which raises an alert.
- Reads of memories are written together up to 100 ms later; a process that is killed loses those of its last 100 ms. A tenant chooses with
  its setting \`audit_reads\`: \`all\`; \`sampled\`, one request of ten, by the last 32 bits of the request id modulo 10, marked with
  \`details.sampled\`; or \`none\`. That is about reading memories and what is made of them (\`memory.read\`, \`memory.searched\`, \`handoff.read\` and
  the like); changes, exports, refusals and reading the log are always told.

## Following events over HTTP

\`GET /v1/events\` (permission \`events:subscribe\`) answers with server-sent events: those of the tenant, as they happen. Credentials that are
limited to subjects or namespaces are refused, as events are of the whole tenant. That somebody subscribes is told by \`events.subscribed\`.

\`\`\`sh
curl -N http://127.0.0.1:3456/v1/events -H @.memoric/api-key.header
\`\`\`

\`\`\`
retry: 2711
: events follow

id: 7WdPVUyFuWmuY2SoZUVybQ
data: {"specversion":"1.0","id":"01a2…","source":"memoric/memory","type":"memory.created",…}
\`\`\`

- \`type\` filters by type (\`memory.created\`, or \`memory.*\` for all that begin so), \`resource\` by resource type, resource id, or \`type/id\`.
- The \`id\` of a message, sent back as \`Last-Event-ID\`, makes the stream go on after it: each event once, without a gap, as long as the stream
  keeps them (seven days, 4 GiB). Ids are opaque and of no use in another tenant.
- A comment comes every 15 seconds (\`EVENT_STREAMS_HEARTBEAT_SECONDS\`). \`max_seconds\` ends the stream after a time, for clients behind proxies that would cut it off.
- A client that does not read gets at most 1 MiB ahead of itself; then the stream ends, and goes on with \`Last-Event-ID\`.
- The stream ends within a second of the revocation of the credential, when the credential expires, and when auth cannot be asked about it
  for 90 seconds.
- A session or key may have 10 streams open, a tenant 100, a gateway 1000 (\`EVENT_STREAMS_…_MAX\` in [configuration.md](configuration.md)); more
  are refused with 429 \`too_many_subscriptions\`.
- \`EventSource\` of browsers cannot send a credential; use \`fetch\` as below. Origins are those of \`CORS_ORIGINS\`.

Two kinds of messages have a name (\`event:\`) and are no events; \`data.reason\` says which:

| name | reason | meaning |
|---|---|---|
${notices(STREAM_NOTICES.gap, GAP_REASONS)}
${notices(STREAM_NOTICES.end, END_REASONS)}

\`\`\`js
${sse.trim()}
\`\`\`

## Following events over NATS

For a subscriber outside of Memoric, the operator makes a user of NATS that hears the events of one tenant and can do nothing else: no other
subject, no publishing, no JetStream.

\`\`\`sh
npm run memoric -- nats-user add <tenant id>      # shows a seed, once
npm run memoric -- nats-user list
npm run memoric -- nats-user remove <public key>  # cut off at once
\`\`\`

NATS keeps the public key only. In containers there is no such command: make a key pair (\`nk -gen user -pubout\`), note it in the log, give the list
of all such users to the service \`secrets\`, and let NATS read its configuration again. NATS is not published: an override file with
\`ports: ['127.0.0.1:4222:4222']\` for \`nats\` does that.

\`\`\`sh
docker compose exec auth node apps/auth/src/operator/main.ts nats-user note created <tenant id> <public key>
echo '[{"tenant_id":"<tenant id>","public_key":"<public key>","created_at":"2026-11-22T05:22:07.388Z"}]' \\
  | docker compose run --rm --no-deps -T secrets sh -c 'umask 077; cat > /var/lib/memoric/secrets/nats-users.json'
docker compose run --rm --no-deps -T secrets
docker compose kill -s HUP nats
\`\`\`

What comes is what is published from now on, at most once, with the sealed personal data that audit alone can open. Whoever must not miss
anything follows over HTTP.

\`\`\`js
${nats.trim()}
\`\`\`

## Security-critical events

Who may sign in and with what, what the rules are, what leaves, what is destroyed, and who looks after it: the event of such an action
commits with the action, or the action fails and nothing has changed. A test makes the outbox refuse each of these and looks at every table
of the app (\`infra/e2e/test/critical-events.test.ts\`):

${CRITICAL_EVENTS.map((type) => `\`${type}\``).join(', ')}.

What counts besides is what a failed action may leave: the count of attempts to sign in, and the keys of a tenant or subject that are
made before its first write.

For some of the same weight something else holds:

| type | what holds |
|---|---|
${Object.entries(CRITICAL_ELSEWHERE)
  .map(([type, holds]) => `| \`${type}\` | ${holds} |`)
  .join('\n')}

## Every event

| type | emitted by | resource | severity | meaning |
|---|---|---|---|---|
${rows.join('\n')}
`
}

function notices(name: string, reasons: Readonly<Record<string, string>>): string {
  return Object.entries(reasons)
    .map(([reason, meaning]) => `| \`${name}\` | \`${reason}\` | ${meaning} |`)
    .join('\n')
}
