// Which answers count as those of a closed key: a mistake of the server is none of them.
import { expect, test } from 'vitest'
import { isClosed, kindOfAnswer } from './kind-of-answer.ts'

test.each([
  ['424 ERR_KMS_DENIED', 'denial', true],
  ['503 ERR_KMS_TIMEOUT', 'outage', true],
  ['503 ERR_KMS_OWN_POLICY', 'ours', true],
  ['424 ERR_KMS_INVALID_CIPHERTEXT', 'damage', false],
  ['500 ERR_INTERNAL', 'nothing', false],
  ['502 undefined', 'nothing', false],
  ['200', 'open', false],
])('%s: %s', (answer, kind, closed) => {
  expect([kindOfAnswer(answer), isClosed(answer)]).toEqual([kind, closed])
})
