// The sentences about keys: every parameter of a sentence is one that the server sends, and none is left open.
import { expect, test } from 'vitest'
import {
  keyAdvice,
  keyAdviceCodes,
  keyCauses,
  keyCauseCodes,
  sayAdvice,
  sayCause,
} from '../src/key-sentences.ts'

const params = {
  region: 'eu-west-1',
  call: 'kms:Decrypt',
  policy: 'identity',
  state: 'misconfigured',
  summary: 'A summary.',
}

test('every sentence is whole with the parameters that the server sends', () => {
  const said = [
    ...keyCauseCodes.map((code) => sayCause(code, params)),
    ...keyAdviceCodes.map((code) => sayAdvice(code, params)),
  ]
  for (const sentence of said) expect(sentence).toMatch(/^$|^[A-Z][^{}]*\.$/)
  const texts = [...Object.values(keyCauses).map(({ text }) => text), ...Object.values(keyAdvice)]
  const asked = texts.flatMap((text) => [...text.matchAll(/\{([^}]*)\}/g)].map(([, name]) => name))
  expect([...new Set(asked)].toSorted()).toEqual(Object.keys(params).toSorted())
})

test('a type of policies has its name in English, and an unknown one a word of its own', () => {
  const say = (policy: string) => sayCause('other-policy', { ...params, policy })
  expect(say('serviceControl')).toContain('AWS names a service control policy that')
  expect(say('of-tomorrow')).toContain('AWS names a policy that')
})
