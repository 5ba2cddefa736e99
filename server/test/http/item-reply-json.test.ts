// The text of replies with items: byte for byte what JSON.stringify makes of them.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { itemReplyJson, type ItemReply } from '../../src/http/wire/item-reply-json.ts'

const ref = fc.option(fc.string({ unit: 'binary' }), { nil: undefined })
const bytes = fc.uint8Array({ maxLength: 100 }).map((array) => Buffer.from(array))
const token = bytes.map((each) => `kh1.${each.toString('base64url')}`)
const withRef = <Item extends object>(item: fc.Arbitrary<Item>) =>
  fc.tuple(item, ref).map(([each, its]) => (its === undefined ? each : { ...each, ref: its }))

const item = withRef(
  fc.oneof(
    fc.record({ token }),
    fc.record({ plaintext: bytes.map((each) => each.toString('base64')) }),
    fc.record({ token, reencrypted: fc.boolean() }),
    fc.record({ error: fc.record({ code: fc.string(), title: fc.string() }) }),
  ),
)

test('it is what JSON.stringify makes, whatever stands in refs and errors', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(item, { maxLength: 20 }), async (items) => {
      const reply = { items } as ItemReply
      expect((await itemReplyJson(reply)).toString()).toBe(JSON.stringify(reply))
    }),
    { numRuns: 2_000 },
  )
})
