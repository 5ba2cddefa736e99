// Keyhold's own credentials for AWS, one set for all clients. They come from the SDK's standard chain and are read again before
// they expire, when a file of theirs has changed, and when AWS refuses them. One reading runs at a time, and where readings
// bring nothing new the pauses between them grow: credentials that stay expired cause no storm.
import { defaultProvider } from '@aws-sdk/credential-provider-node'
import { KeyholdError, type ProxyRules } from '@keyhold/core'
import { stat } from 'node:fs/promises'
import { proxiedHandler } from '../proxied-agent.ts'
import { credentialsRefused } from '../errors/aws-kms-errors.ts'

// A call to AWS KMS has three seconds, and the SDK does not count this time.
const waitMs = 2_500
// A program that hangs is given up after this time, so that another reading can begin.
const maxReadingMs = 60_000
// Credentials that live for less than three times as long are read again in the last third of their life.
const renewBeforeMs = 300_000
const lookMs = 1_000
const pauseMs = { first: 1_000, max: 10_000 }
const forgetMs = 30_000

export interface AwsIdentity {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
  readonly expiration?: Date
}

export interface OwnCredentialsOptions {
  /** These and no others; undefined: the SDK's standard chain (environment, files, SSO, web identity, container, instance). */
  fixed: { accessKeyId: string; secretAccessKey: string } | undefined
  /** The files that the chain reads, present or not. */
  files?: readonly string[] | undefined
  /** Receives why credentials could not be read. */
  onError?: ((error: unknown) => void) | undefined
  /** The proxy of calls to AWS. Default: none. */
  proxyRules?: ProxyRules | undefined
  /** Reads the chain anew. For tests. */
  readChain?: (() => Promise<AwsIdentity>) | undefined
  /** Monotonic milliseconds. */
  clock?: (() => number) | undefined
}

export interface OwnCredentials {
  /**
   * The credentials of now, for clients of AWS.
   *
   * @throws KeyholdError `ERR_KMS_CREDENTIALS`, whatever the chain threw: nothing of it is an answer about a key
   */
  readonly provide: (() => Promise<AwsIdentity>) & { memoized: true }
  /** Sends. Where AWS refuses the credentials it reads them again, and sends once more if there are others by now. */
  use<Output>(send: () => Promise<Output>): Promise<Output>
  /** Another number than before once other credentials were found: whose they are has to be asked again. */
  readonly changes: () => number
}

// AWS names the end of credentials by its clock, which may differ from this one: a refusal is what counts in the end.
// oxlint-disable-next-line clock/database-clock
const localNowMs = () => Date.now()

// The chain keeps what it has found, and files that it has read: a new one looks everywhere again.
function readStandardChain(proxyRules: ProxyRules | undefined): Promise<AwsIdentity> {
  if (proxyRules?.proxy === undefined) return defaultProvider({ ignoreCache: true })()
  const requestHandler = proxiedHandler(proxyRules)
  return defaultProvider({ ignoreCache: true, clientConfig: { requestHandler } })().finally(() => {
    requestHandler.httpsAgent?.destroy()
  })
}

export function createOwnCredentials({
  fixed,
  files = [],
  onError = () => undefined,
  proxyRules,
  readChain = () => readStandardChain(proxyRules),
  clock = () => performance.now(),
}: OwnCredentialsOptions): OwnCredentials {
  let current: AwsIdentity | undefined
  let changes = 0
  let renewBelowMs = renewBeforeMs
  let signature = ''
  let reading: Promise<boolean> | undefined
  let lookedMs = Number.NEGATIVE_INFINITY
  let readAgainMs = Number.NEGATIVE_INFINITY
  let pause = pauseMs.first
  let lastError: KeyholdError | undefined
  let renewedMs = Number.NEGATIVE_INFINITY
  let renewalPause = pauseMs.first

  async function readOnce(): Promise<boolean> {
    const before = await signatureOf(files)
    try {
      const found = await within(readChain(), maxReadingMs)
      const isNew = current === undefined || !isSame(current, found)
      current = found
      if (isNew) renewBelowMs = Math.min(renewBeforeMs, remainingMs(found) / 3)
      signature = before
      lastError = undefined
      if (isNew) {
        pause = pauseMs.first
        changes += 1
      }
      return isNew
    } catch (cause) {
      onError(cause)
      signature = before
      const message = "Keyhold's own credentials for AWS cannot be read where the AWS SDK looks for them."
      lastError = new KeyholdError('ERR_KMS_CREDENTIALS', { cause, message })
      throw lastError
    } finally {
      readAgainMs = clock() + pause
      pause = Math.min(pauseMs.max, pause * 2)
    }
  }

  /** Answers whether there are other credentials now. */
  function read(): Promise<boolean> {
    reading ??= readOnce().finally(() => (reading = undefined))
    return reading
  }

  async function haveFilesChanged(): Promise<boolean> {
    if (files.length === 0 || clock() - lookedMs < lookMs) return false
    lookedMs = clock()
    return (await signatureOf(files)) !== signature
  }

  async function find(): Promise<AwsIdentity> {
    if (current === undefined) {
      if (lastError !== undefined && clock() < readAgainMs && !(await haveFilesChanged())) throw lastError
      await within(read(), waitMs)
    } else if (await haveFilesChanged()) {
      // The old ones may still do: AWS decides.
      await within(read(), waitMs).catch(() => undefined)
    } else if (remainingMs(current) < renewBelowMs && clock() >= readAgainMs) {
      const renewed = within(read(), waitMs).catch(() => undefined)
      if (remainingMs(current) <= 0) await renewed
    }
    if (current === undefined) throw lastError ?? new KeyholdError('ERR_KMS_CREDENTIALS')
    return current
  }

  /** Whether there are other credentials than those that were refused. */
  async function renew(refused: AwsIdentity | undefined): Promise<boolean> {
    if (current !== refused) return true
    if (reading === undefined && !(await mayRenew())) return false
    return within(read(), waitMs).catch(() => false)
  }

  // The first refusal after a while is news. Where others follow, AWS may refuse whatever the chain finds.
  async function mayRenew(): Promise<boolean> {
    const sinceMs = clock() - renewedMs
    if (sinceMs < renewalPause && !(await haveFilesChanged())) return false
    renewalPause = sinceMs < forgetMs ? Math.min(pauseMs.max, renewalPause * 2) : pauseMs.first
    renewedMs = clock()
    return true
  }

  if (fixed !== undefined) {
    const provide = Object.assign(() => Promise.resolve(fixed), { memoized: true as const })
    return { provide, use: (send) => send(), changes: () => 0 }
  }
  return {
    provide: Object.assign(find, { memoized: true as const }),
    changes: () => changes,
    async use(send) {
      const used = current
      try {
        return await send()
      } catch (error) {
        if (!credentialsRefused(error) || !(await renew(used ?? current))) throw error
        return send()
      }
    },
  }
}

function isSame(one: AwsIdentity, other: AwsIdentity): boolean {
  return (
    one.accessKeyId === other.accessKeyId &&
    one.secretAccessKey === other.secretAccessKey &&
    one.sessionToken === other.sessionToken
  )
}

function remainingMs({ expiration }: AwsIdentity): number {
  return expiration === undefined ? Number.POSITIVE_INFINITY : expiration.getTime() - localNowMs()
}

async function signatureOf(files: readonly string[]): Promise<string> {
  const parts = files.map(async (file) => {
    try {
      const { ino, size, mtimeMs } = await stat(file)
      return `${ino}/${size}/${mtimeMs}`
    } catch {
      return ''
    }
  })
  return (await Promise.all(parts)).join(' ')
}

async function within<Result>(work: Promise<Result>, timeoutMs: number): Promise<Result> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    reject(
      new KeyholdError('ERR_KMS_CREDENTIALS', {
        message: "Keyhold's own credentials for AWS were not there in time.",
      }),
    )
  }, timeoutMs)
  timer.unref()
  return Promise.race([work, promise]).finally(() => {
    clearTimeout(timer)
  })
}
