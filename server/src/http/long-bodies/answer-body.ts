// The whole work on one long body: from its bytes to those of the answer. It runs the same handlers as a short body, in
// slices, so that bodies of several tenants go on side by side.
import { routeSchemas } from '@keyhold/contract/schemas'
import type { RequestKeys } from '../../data/request-keys.ts'
import { runInSlices } from '../../event-loop/run-in-slices.ts'
import { parseBigJson } from '../bodies/parse-big-json.ts'
import { dataHandlers } from '../routes/data-handlers.ts'
import { octetStreamHandlers } from '../routes/octet-stream-handlers.ts'
import { checkForm, formOf } from '../server/check-form.ts'
import { itemReplyJson, type ItemReply } from '../wire/item-reply-json.ts'
import type { AnsweredBody, BodyOrder } from './body-messages.ts'

// The same on all routes with items.
const itemsForm = formOf(routeSchemas.encrypt.body)
// The other side finds the keys, and knows the tenant and the scopes of the caller.
const tenantId = ''
const caller = {}

/**
 * @param isWanted - is asked now and then; where it answers false the work ends with an error
 * @throws KeyholdError as the routes do
 */
export async function answerBody(
  order: BodyOrder,
  keys: RequestKeys,
  isWanted: () => boolean,
): Promise<AnsweredBody> {
  const parts = { keysOf: () => keys }
  if (order.headers !== undefined) {
    const handle = octetStreamHandlers(parts)[order.routeId]
    return {
      bytes: await handle({ tenantId, caller, headers: order.headers, bytes: takeBytes(order) }),
      ok: 1,
      failed: 0,
    }
  }
  const handle = dataHandlers(parts)[order.routeId] as unknown as HandleItems
  const value = await runInSlices(parseBigJson(takeBytes(order)), isWanted)
  const { body: reply } = await handle({ tenantId, caller, body: checkForm(itemsForm, value, 'body') })
  let failed = 0
  for (const item of reply.items) if ('error' in item) failed++
  const text = await itemReplyJson(reply)
  const ok = reply.items.length - failed
  return { bytes: typeof text === 'string' ? Buffer.from(text) : text, ok, failed }
}

/** Takes the bytes out of the order, so that they are in memory no longer than the work needs them. */
function takeBytes(order: BodyOrder): Buffer {
  const { buffer, byteOffset, byteLength } = order.bytes
  order.bytes = new Uint8Array()
  return Buffer.from(buffer, byteOffset, byteLength)
}

// The cast is true because the form is checked.
type HandleItems = (call: {
  tenantId: string
  caller: object
  body: unknown
}) => { body: ItemReply } | Promise<{ body: ItemReply }>
