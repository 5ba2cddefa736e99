// The server's answers for single items. A value of a wrong type is refused: decoded from base64, a null gives bytes,
// too.
import { KeyholdClientError } from './keyhold-client-error.ts'
import { KeyholdItemError, type ItemResult } from './keyhold-item-error.ts'

type Answer = Readonly<Record<string, unknown>>

/**
 * One result for each of `count` items.
 *
 * @param read - answers the value of an item that went well, or undefined where the answer lacks it
 * @throws KeyholdClientError `ERR_CLIENT_BAD_REPLY`
 */
export function readItemReply<Value>(
  body: unknown,
  count: number,
  read: (answer: Answer) => Value | undefined,
): ItemResult<Value>[] {
  const answers: unknown = isObject(body) ? body.items : undefined
  if (!Array.isArray(answers)) throw badReply('a list of items')
  if (answers.length !== count) throw badReply(`${count} items, not ${answers.length}`)
  return answers.map((answer: unknown) => {
    if (!isObject(answer)) throw badReply('an object for each item')
    if (answer.error !== undefined) return { error: refusalOf(answer.error) }
    const value = read(answer)
    if (value === undefined) throw badReply('a value or an error for each item')
    return { value }
  })
}

function refusalOf(error: unknown): KeyholdItemError {
  const { code, title, detail } = isObject(error) ? error : {}
  if (typeof code !== 'string' || typeof title !== 'string') throw badReply('a code with each error')
  return new KeyholdItemError({ code, title, detail: typeof detail === 'string' ? detail : undefined })
}

function isObject(value: unknown): value is Answer {
  return typeof value === 'object' && value !== null
}

function badReply(expected: string): KeyholdClientError {
  return new KeyholdClientError('ERR_CLIENT_BAD_REPLY', `the answer should have ${expected}`)
}
