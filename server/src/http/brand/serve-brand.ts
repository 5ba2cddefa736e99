// The public pages of the brand: a page shows them before anybody has signed in. However many ask, the database is asked once in a while.
import { KeyholdError } from '@keyhold/core'
import type { FastifyInstance } from 'fastify'
import { brandPath, brandWire, logoPath } from '../wire/brand-wire.ts'
import type { StoredBrand } from '../../store/console/brand.ts'

export interface BrandSource {
  /** Undefined: nobody has set one. */
  find: () => Promise<StoredBrand | undefined>
  /** For how long an answer is kept. */
  keptMs: number
}

// A browser may show the brand of a minute ago; the address of a logo changes with it.
const pageCache = 'public, max-age=60'
const logoCache = 'public, max-age=86400, immutable'

export function registerBrand(app: FastifyInstance, source: BrandSource): void {
  const read = createKept(source)

  app.route({
    method: ['GET', 'HEAD'],
    url: brandPath,
    async handler(_request, reply) {
      const body = JSON.stringify(brandWire(await read()))
      return reply
        .headers({ 'content-type': 'application/json; charset=utf-8', 'cache-control': pageCache })
        .send(body)
    },
  })
  app.route({
    method: ['GET', 'HEAD'],
    url: logoPath,
    async handler(_request, reply) {
      const logo = (await read())?.logo
      if (logo === undefined) throw new KeyholdError('ERR_BRAND_NOT_FOUND')
      return reply
        .headers({
          'content-type': logo.type,
          'cache-control': logoCache,
          // Whatever is in the picture is no page.
          'content-security-policy': "default-src 'none'; sandbox",
        })
        .send(logo.bytes)
    },
  })
}

/** While the database is away, or the row is faulty, the last known brand stays; without one, that of Keyhold itself. */
function createKept({ find, keptMs }: BrandSource): () => Promise<StoredBrand | undefined> {
  let known: StoredBrand | undefined
  let readAtMs = Number.NEGATIVE_INFINITY
  let reading: Promise<void> | undefined
  return async () => {
    if (performance.now() - readAtMs >= keptMs) {
      reading ??= find()
        .then(
          (brand) => {
            known = brand
          },
          () => undefined,
        )
        .finally(() => {
          readAtMs = performance.now()
          reading = undefined
        })
      await reading
    }
    return known
  }
}
