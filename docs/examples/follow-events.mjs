// Follows the events of a tenant, and goes on where it stopped: MEMORIC_URL, MEMORIC_API_KEY. Node 18 or newer.
const { MEMORIC_URL = 'http://127.0.0.1:3456', MEMORIC_API_KEY = '' } = process.env
let lastEventId

for (;;) {
  const headers = { 'x-api-key': MEMORIC_API_KEY, ...(lastEventId && { 'last-event-id': lastEventId }) }
  try {
    const answer = await fetch(`${MEMORIC_URL}/v1/events?type=memory.*`, { headers })
    if (answer.status >= 400 && answer.status < 500 && answer.status !== 429) throw await answer.json()
    if (answer.ok) for await (const message of messages(answer.body)) take(message)
  } catch (error) {
    if (error.code) throw new Error(`${error.code}: ${error.detail ?? error.title}`)
  }
  await new Promise((later) => setTimeout(later, 2000))
}

function take({ id, event, data }) {
  if (event === 'memoric.gap') console.error('events may be missing:', data.reason)
  else if (event === 'memoric.end') console.error('the stream ends:', data.reason)
  else console.log(data.time, data.type, data.data.resource_id)
  // Only now: what is not dealt with comes again.
  if (id) lastEventId = id
}

async function* messages(body) {
  let text = ''
  for await (const chunk of body.pipeThrough(new TextDecoderStream())) {
    const blocks = (text + chunk).split('\n\n')
    text = blocks.pop()
    for (const block of blocks) {
      const fields = Object.fromEntries(block.split('\n').map((line) => line.split(/: (.*)/s, 2)))
      if (fields.data) yield { ...fields, data: JSON.parse(fields.data) }
    }
  }
}
