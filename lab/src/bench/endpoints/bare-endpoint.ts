// The other side of `POST encrypt` and `POST decrypt`, a process of its own. It has the same framework and bodies and one
// GCM for each item, and nothing else: no authentication, no checks, no ids, no management of keys.
import { generateKey } from '@keyhold/core'
import Fastify from 'fastify'
import { createCipheriv, createDecipheriv } from 'node:crypto'
import { pooledNonce } from '../pooled-nonce.ts'

interface PlainBody {
  items: { plaintext: string }[]
}

interface TokenBody {
  items: { token: string }[]
}

const key = generateKey()
const nonceBytes = 12
const tagBytes = 16

function encryptItem(plaintext: string): string {
  const nonce = pooledNonce()
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
  const ciphertext = cipher.update(Buffer.from(plaintext, 'base64'))
  cipher.final()
  return Buffer.concat([nonce, ciphertext, cipher.getAuthTag()]).toString('base64url')
}

function decryptItem(token: string): string {
  const bytes = Buffer.from(token, 'base64url')
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, nonceBytes), {
    authTagLength: tagBytes,
  })
  decipher.setAuthTag(bytes.subarray(bytes.length - tagBytes))
  const plaintext = decipher.update(bytes.subarray(nonceBytes, bytes.length - tagBytes))
  decipher.final()
  return plaintext.toString('base64')
}

const app = Fastify({ bodyLimit: 33_554_432 })
app.post<{ Body: PlainBody }>('/encrypt', (request, reply) => {
  const items = request.body.items.map(({ plaintext }) => ({ token: encryptItem(plaintext) }))
  return reply.send({ items })
})
app.post<{ Body: TokenBody }>('/decrypt', (request, reply) => {
  const items = request.body.items.map(({ token }) => ({ plaintext: decryptItem(token) }))
  return reply.send({ items })
})
const url = await app.listen({ host: '127.0.0.1', port: 0 })
process.send?.({ url })
// Without its parent there is no reason to listen.
process.once('disconnect', () => {
  process.exit(0)
})
