// The identity providers (OpenID Connect) of accounts, as IAM keeps them, and where the public pages of each issuer are: a KMS on
// loopback reaches nothing else. They live in memory.

export interface NewIdentityProvider {
  account: string
  /** The issuer, as its tokens name it: `https://` without a port and without a slash at its end. */
  url: string
  /** The audiences that it takes: 1 to 100. */
  clientIds: readonly string[]
  /** Where the pages of the issuer are for this process, in place of its URL: `http://127.0.0.1:<port>/<path>`. */
  pagesAt: string
}

export interface IdentityProviders {
  /**
   * Makes the provider or replaces it.
   *
   * @throws TypeError that names the member
   */
  put(provider: NewIdentityProvider): void
  /** Answers whether there was such a provider. */
  delete(account: string, url: string): boolean
  find(account: string, url: string): NewIdentityProvider | undefined
}

const urlPattern = /^https:\/\/[A-Za-z0-9.-]+(?:\/[A-Za-z0-9._~-]+)*$/
const pagesPattern = /^http:\/\/127\.0\.0\.1(?::\d{1,5})?(?:\/[A-Za-z0-9._~-]+)*$/
const maxClientIds = 100

export function createIdentityProviders(): IdentityProviders {
  const providers = new Map<string, NewIdentityProvider>()
  const nameOf = (account: string, url: string) => `${account} ${url}`
  return {
    put(provider) {
      const { account, url, clientIds, pagesAt } = provider
      if (!/^\d{12}$/.test(account)) throw new TypeError('"account" expected 12 digits')
      if (!urlPattern.test(url)) throw new TypeError('"url" expected https://<host>/<path> without a port')
      if (clientIds.length === 0 || clientIds.length > maxClientIds)
        throw new TypeError('"clientIds" expected 1 to 100 texts')
      if (!pagesPattern.test(pagesAt)) throw new TypeError('"pagesAt" expected http://127.0.0.1:<port>')
      providers.set(nameOf(account, url), provider)
    },
    delete: (account, url) => providers.delete(nameOf(account, url)),
    find: (account, url) => providers.get(nameOf(account, url)),
  }
}
