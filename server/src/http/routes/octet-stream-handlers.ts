// Encrypts and decrypts one big value as bytes, without JSON and base64. Key name and encryption context are in headers.
// A faulty value fails the request, because the request has no other.
import { keyNamePattern } from '@keyhold/contract'
import {
  checkEncryptionContext,
  decryptValueInSteps,
  encryptValueInSteps,
  KeyholdError,
  parseBase64Url,
  parseTokenBytes,
  type EncryptionContext,
} from '@keyhold/core'
import type { IncomingHttpHeaders } from 'node:http'
import { runInSlices } from '../../event-loop/run-in-slices.ts'
import type { DataKeyCache } from '../../keyring/data-key-cache.ts'
import type { OctetHandlers } from '../server/handler.ts'
import { parseJson } from '../bodies/parse-json.ts'

const keyNameForm = new RegExp(keyNamePattern)
const defaultKeyName = 'default'

export function octetStreamHandlers({ dataKeys }: { dataKeys: DataKeyCache }): OctetHandlers {
  return {
    async encrypt({ tenantId, headers, bytes }) {
      const { 'keyhold-key-name': keyName = defaultKeyName } = headers
      if (typeof keyName !== 'string' || !keyNameForm.test(keyName))
        throw new KeyholdError('ERR_KEY_NAME_INVALID')
      const context = readContext(headers)
      const dataKey = await dataKeys.getActive(tenantId, keyName)
      return runInSlices(encryptValueInSteps(dataKey, context, bytes))
    },

    async decrypt({ tenantId, headers, bytes }) {
      const context = readContext(headers)
      const token = parseTokenBytes(bytes)
      const dataKey = await dataKeys.get(tenantId, token.header.dataKeyId, token.header.version)
      if (dataKey === undefined) throw new KeyholdError('ERR_DECRYPTION_FAILED')
      return runInSlices(decryptValueInSteps(dataKey, context, token))
    },
  }
}

// The context is base64url of a JSON object of strings, because a header cannot hold all of Unicode.
function readContext({ 'keyhold-context': header }: IncomingHttpHeaders): EncryptionContext {
  if (header === undefined) return {}
  return checkEncryptionContext(parseContext(String(header)) as EncryptionContext)
}

function parseContext(header: string): unknown {
  const bytes = parseBase64Url(header)
  try {
    if (bytes !== undefined) return parseJson(bytes)
  } catch {
    // All faults have the same refusal, below.
  }
  throw new KeyholdError('ERR_CONTEXT_INVALID', {
    message: 'The header Keyhold-Context does not hold base64url of a JSON object.',
  })
}
