// The keys of a request, for work in a thread that holds none: it asks the other side.
import type { DataKey, KeyholdError } from '@keyhold/core'
import type { RequestKeys } from '../../data/request-keys.ts'
import { errorOf, type FoundKeys, type KeyQuestion } from './body-messages.ts'

export function createAskedKeys(ask: (question: KeyQuestion) => Promise<FoundKeys>): RequestKeys {
  async function keys(question: KeyQuestion): Promise<ReadonlyMap<string, DataKey | KeyholdError>> {
    const found = await ask(question)
    return new Map(Array.from(found, ([name, key]) => [name, keyOf(key)]))
  }
  return {
    actives: (of) => keys({ find: 'actives', of }),
    named: (of) => keys({ find: 'named', of }),
    keyNames: async (of) => (await ask({ find: 'keyNames', of })) as ReadonlyMap<string, string>,
  }
}

function keyOf(found: FoundKeys extends ReadonlyMap<string, infer Found> ? Found : never) {
  if (typeof found === 'string') throw new TypeError('a key name is no key')
  return 'code' in found ? errorOf(found) : found
}
