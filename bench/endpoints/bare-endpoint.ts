// The other side of `POST encrypt`, run as a process: the same framework and body, one GCM for each item, and nothing
// else: no authentication, no checks, no ids, no keys to look after.
import { generateKey } from '@keyhold/core'
import Fastify from 'fastify'
import { createCipheriv } from 'node:crypto'
import { pooledNonce } from '../pooled-nonce.ts'

interface Body {
  items: { plaintext: string }[]
}

const key = generateKey()

function encryptItem(plaintext: string): string {
  const nonce = pooledNonce()
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 })
  const ciphertext = cipher.update(Buffer.from(plaintext, 'base64'))
  cipher.final()
  return Buffer.concat([nonce, ciphertext, cipher.getAuthTag()]).toString('base64url')
}

const app = Fastify({ bodyLimit: 33_554_432 })
app.post<{ Body: Body }>('/encrypt', (request, reply) => {
  const items = request.body.items.map(({ plaintext }) => ({ token: encryptItem(plaintext) }))
  return reply.send({ items })
})
const url = await app.listen({ host: '127.0.0.1', port: 0 })
process.send?.({ url })
// Whoever forked it is gone: so is the reason to listen.
process.once('disconnect', () => {
  process.exit(0)
})
