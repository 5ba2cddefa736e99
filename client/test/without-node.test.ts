// `@keyhold/client/node` in a browser: the same names, each of which explains itself when it is called.
import { expect, test } from 'vitest'
import * as inBrowser from '../src/browser/without-node.ts'
import * as inNode from '../src/node/index.ts'

test('it has the names that the module for Node has', () => {
  expect(Object.keys(inBrowser).toSorted()).toEqual(Object.keys(inNode).toSorted())
})

test.each(['createKeyholdClient', 'auditHash', 'encryptedSize', 'plaintextSize'] as const)(
  '%s says that it needs Node.js, and what to import',
  (name) => {
    const message = expect.stringContaining('Import @keyhold/client there') as string
    expect(() => inBrowser[name]()).toThrow(
      expect.objectContaining({ name: 'KeyholdClientError', code: 'ERR_CLIENT_NEEDS_NODE', message }),
    )
  },
)
