// From an access key to a caller: the administrators that every account has, the principals of a file, and the sessions
// of roles.
import { randomBytes } from 'node:crypto'
import { partitionOf, partitionOfArn } from '../keys/partition.ts'
import { parsePolicy, type Policy } from '../policy/parse-policy.ts'
import { type Principal, rootArn } from '../policy/principal.ts'
import { createGuardrails, type GuardrailTable } from './guardrails.ts'
import { createIdentityProviders, type IdentityProviders } from './identity-providers.ts'
import { createOptOuts, type OptOuts } from './opt-outs.ts'
import { createRoles, type Role, type Roles } from './roles.ts'

const defaultAccount = '123456789012'
// Tests begin far fewer. When all are forgotten, clients only have to assume their roles again.
const maxSessions = 10_000

const userOrRolePattern = /^arn:aws[a-z-]*:iam::\d{12}:(?:user|role)\//
const sessionPattern = /^arn:aws[a-z-]*:sts::(\d{12}):assumed-role\/([^/]+)\//

const administratorPolicy = parsePolicy(
  '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["kms:*","sts:*"],"Resource":"*"}}',
  'identity',
)

/** A principal with its secrets. */
export interface Caller extends Principal {
  secretAccessKey: string
  /** Set for temporary credentials: requests must then carry exactly this token. */
  sessionToken?: string | undefined
  /** Of a session: from then on its credentials are refused. Milliseconds since 1970. */
  expiresAtMs?: number
}

/** Temporary credentials of a role. */
export interface Session {
  accessKeyId: string
  caller: Caller
  expiresAtMs: number
}

export interface PrincipalRules {
  /**
   * Whether AWS looks for the users and roles that a new policy or grant names. Default: it does not, so that tests need
   * not make them.
   */
  mustExist: boolean
}

export interface NewSession {
  name: string
  issuedAtMs: number
  expiresAtMs: number
  /** Limits what the session may do of what its role may do. */
  policy: Policy | undefined
}

export interface Callers {
  /** The roles that can be assumed. */
  roles: Roles
  /** The identity providers whose tokens roles may trust. */
  identityProviders: IdentityProviders
  /** The policies that limit principals besides. */
  guardrails: GuardrailTable
  optOuts: OptOuts
  principals: PrincipalRules
  /** The caller of a key, in a Region of its partition. */
  find(accessKeyId: string, region: string): Caller | undefined
  /** Whether a policy or a grant may name the principal: whether it exists, if it must. */
  isPrincipal(arn: string): boolean
  startSession(role: Role, session: NewSession): Session
}

/** @param listed - callers by their access keys, besides the administrators and the sessions */
export function createCallers(
  listed: ReadonlyMap<string, Caller> = new Map(),
  roles: Roles = createRoles(),
  guardrails: GuardrailTable = createGuardrails(),
): Callers {
  const principals: PrincipalRules = { mustExist: false }
  const listedArns = new Set([...listed.values()].map(({ arn }) => arn))
  const sessions = new Map<string, Caller>()

  // Accounts and their roots always exist. So does every session of a role.
  function exists(arn: string): boolean {
    const [, account, roleName] = sessionPattern.exec(arn) ?? []
    if (account !== undefined && roleName !== undefined)
      return roles.findNamed(account, roleName) !== undefined
    return !userOrRolePattern.test(arn) || listedArns.has(arn) || roles.find(arn) !== undefined
  }

  // A session may do what its role may do now. Without its role the session is nobody.
  function findSession(accessKeyId: string): Caller | undefined {
    const caller = sessions.get(accessKeyId)
    const role = caller?.roleArn === undefined ? undefined : roles.find(caller.roleArn)
    return caller === undefined || role === undefined ? undefined : { ...caller, identityPolicy: role.policy }
  }

  return {
    roles,
    identityProviders: createIdentityProviders(),
    guardrails,
    optOuts: createOptOuts(),
    principals,
    isPrincipal: (arn) => !principals.mustExist || exists(arn),
    find(accessKeyId, region) {
      const partition = partitionOf(region)
      const caller =
        listed.get(accessKeyId) ?? findSession(accessKeyId) ?? findAdministrator(accessKeyId, partition)
      return caller && partitionOfArn(caller.arn) === partition ? guardrails.surround(caller) : undefined
    },
    startSession(role, wanted) {
      const session = createSession(role, wanted)
      if (sessions.size >= maxSessions) sessions.clear()
      sessions.set(session.accessKeyId, session.caller)
      return session
    },
  }
}

function createSession(role: Role, { name, issuedAtMs, expiresAtMs, policy }: NewSession): Session {
  const caller: Caller = {
    secretAccessKey: randomBytes(30).toString('base64'),
    sessionToken: randomBytes(96).toString('base64'),
    account: role.account,
    arn: `arn:${partitionOfArn(role.arn)}:sts::${role.account}:assumed-role/${role.name}/${name}`,
    roleArn: role.arn,
    expiresAtMs,
    guardrails: policy && { session: policy },
    facts: { 'aws:tokenissuetime': [new Date(issuedAtMs).toISOString()] },
  }
  const accessKeyId = `ASIA${randomBytes(8).toString('hex').toUpperCase()}`
  return { accessKeyId, caller, expiresAtMs }
}

function findAdministrator(accessKeyId: string, partition: string): Caller | undefined {
  const account = accessKeyId === 'test' ? defaultAccount : accessKeyId
  if (!/^\d{12}$/.test(account)) return undefined
  const arn = rootArn(account, partition)
  return { secretAccessKey: 'test', account, arn, identityPolicy: administratorPolicy }
}
