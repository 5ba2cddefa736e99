// English. Sentences with parts are functions, so that another language may put the words in another order.

/** The parts of a sentence about the state of a tenant. */
interface Moment {
  region: string
  /** As people read it. */
  since: string
  tenant: string
}

const whole = new Intl.NumberFormat('en')

function countOf(cipherkeys: number): string {
  return cipherkeys === 1 ? '1 stored key' : `${whole.format(cipherkeys)} stored keys`
}

export const en = {
  product: 'Keyhold',
  skip: 'Skip to the page',
  loading: 'Asking the server …',
  copy: 'Copy',
  copied: 'Copied',
  noCopy: 'Your browser lets no page copy here: select the text and press Ctrl+C.',
  again: 'Try again',
  cancel: 'Not now',
  trace: 'Trace id',
  checked: (time: string) => `Checked ${time}`,
  since: (time: string) => `Since ${time}`,
  nav: {
    label: 'Pages',
    home: 'Encryption',
    keys: 'Keys',
    migrations: 'Migrations',
    lock: 'Kill switch',
    audit: 'Audit trail',
  },
  session: {
    signOut: 'Sign out',
    title: 'Sign in',
    lead: 'This is where your organisation looks after the key of its own data.',
    key: 'API key',
    keyHint: 'It begins with khk_. It is exchanged for a session and kept nowhere.',
    withKey: 'Sign in with an API key',
    refused: 'This API key was not accepted. It may have ended, or be one for a service.',
    opening: 'Signing you in …',
  },
  link: {
    title: 'A link to sign in with',
    lead: 'Whoever sent it asks you to look after the encryption key of your organisation. You need rights to change a key in AWS, and about 15 minutes. The link can do nothing else.',
    begin: 'Begin',
    dead: 'This link does not work any more.',
    deadText:
      'It was used, has ended or was withdrawn. Your key and your data are as they were. Ask for a new one; only the newest works.',
  },
  problem: {
    'signed-out': 'You are signed out.',
    forbidden: 'Your role does not allow this.',
    forbiddenText: 'Ask your administrator for a role that does.',
    locked: 'The tenant is locked.',
    sealed: 'Keyhold has started but cannot open its own store.',
    sealedText:
      'Your key is not the cause, and you need do nothing. Nothing is lost and nothing can be read meanwhile. The operator has to give it the root key.',
    offline: 'The server does not answer.',
    offlineText: 'Nothing was changed. This page tries again by itself.',
    busy: 'The server is busy.',
    busyText: 'Nothing was changed. This page tries again by itself.',
    refused: 'The server refused this.',
    gone: 'There is no such thing here.',
    goneText: 'It may have been deleted, or the link is of another tenant.',
  },
  operator: {
    title: 'You are signed in as the operator.',
    text: 'These pages are about one tenant. Sign in with an API key of that tenant, or use the command “keyhold” for what concerns the installation.',
  },
  home: {
    title: 'What protects your data',
    own: (name: string) => `Your data is protected by your own key “${name}”.`,
    internal: 'Your data is protected by the service’s own key.',
    internalText:
      'With a key of your own you decide who can read your data, and you can take that back at any time.',
    bring: 'Bring your own key',
    nobody: 'Everything is well. Nobody has to act.',
    notAsked: 'Your key has not been asked yet. That happens within a minute.',
    picture: 'How your data is protected',
    yourKey: 'Your key',
    serviceKey: 'Service’s key',
    tenantKey: 'Tenant key',
    tenantKeyText: 'Wrapped by the key above. It never leaves the server.',
    dataKeys: 'Data keys',
    dataKeysText: 'One for each name and version, wrapped by the tenant key.',
    values: 'Your data',
    valuesText: 'Each value is encrypted by a data key.',
    moving: 'Your data is moving to another key.',
    movingText: (percent: number) => `${percent} % are done. Everything stays readable.`,
    watch: 'Watch the migration',
  },
  owner: {
    operator: 'Your vendor has to act',
    you: 'You have to act',
    'your-key': 'The owner of your key has to act',
    aws: 'AWS has to act',
    nobody: 'Nobody has to act',
  },
  data: {
    open: 'Your data is open, but something is the matter.',
    closing: 'Your data closes in a moment.',
    closed: 'Your data is closed.',
  },
  goToLock: 'Go to the kill switch',
  goToKey: 'Look at the key',
  /** The hardest moments, by the codes of the server. All others are in the server's words. */
  hardest: {
    'tenant-locked': ({ tenant, since }: Moment) => ({
      title: `${tenant} is locked.`,
      text: `Since ${since} nothing can be encrypted or decrypted, because one of your people locked it. Nothing was deleted.`,
    }),
    'key-denied': ({ region, since }: Moment) => ({
      title: 'Your key refuses us, so your data is closed.',
      text: `Since ${since} AWS in ${region} has answered “not allowed”. AWS gives this answer both when the key policy no longer names us and when the key was deleted. If it is the policy, nothing is lost: put it back, and everything opens by itself. If the key was deleted, what it protects cannot be read again: look in AWS first.`,
    }),
    'key-disabled': ({ region, since }: Moment) => ({
      title: 'Your key is disabled, so your data is closed.',
      text: `Since ${since} AWS in ${region} has said that the key is disabled. Nothing is lost: enable the key, and everything opens by itself.`,
    }),
    'key-pending-deletion': ({ region, since }: Moment) => ({
      title: 'Your key is about to be deleted, so your data is closed.',
      text: `Since ${since} AWS in ${region} has said that the key waits for its deletion. Cancel the deletion and enable the key before its day: after it nobody can read your data again.`,
    }),
    'key-not-found': ({ region, since }: Moment) => ({
      title: 'AWS does not find your key, so your data is closed.',
      text: `Since ${since} AWS in ${region} has answered that there is no such key. If it was deleted, what it protects cannot be read again: look in AWS first.`,
    }),
    'kms-unreachable': ({ region, since }: Moment) => ({
      title: `AWS ${region} does not answer.`,
      text: `Since ${since}. Your key is fine and nobody has refused us. You need do nothing; everything goes on by itself. A copy of the key in a second region keeps your data open meanwhile.`,
    }),
    'state-tampered': ({ since }: Moment) => ({
      title: 'Something in the service’s store is not as the service wrote it.',
      text: `Since ${since}. Your vendor has to look. Nothing that was changed is used.`,
    }),
  },
  keys: {
    title: 'Keys',
    lead: 'The keys that may protect your data, and what AWS last said about each.',
    current: 'In use',
    internal: 'Service’s own key',
    internalText: 'It is there from the beginning and cannot be removed.',
    name: 'Name',
    state: 'State',
    regions: 'Regions',
    use: 'Use',
    open: (name: string) => `Open “${name}”`,
    ready: 'Registered, not in use',
    former: 'Was in use before',
    states: {
      healthy: 'Healthy',
      degraded: 'Degraded',
      denied: 'Denied',
      disabled: 'Disabled',
      pendingDeletion: 'Pending deletion',
      notFound: 'Not found',
      throttled: 'Throttled',
      unreachable: 'Unreachable',
      misconfigured: 'Misconfigured',
      tampered: 'Tampered',
      unknown: 'Not asked yet',
    } as Readonly<Record<string, string>>,
  },
  key: {
    test: 'Test now',
    testing: 'Testing …',
    tested: 'The key answered in every region.',
    move: 'Move to this key',
    facts: 'Facts',
    arn: 'ARN',
    fingerprint: 'Fingerprint',
    role: 'Role',
    created: 'Registered',
    promoted: 'In use since',
    region: 'Region',
    cause: 'What AWS said',
    light: 'May the key be deleted in AWS?',
    red: 'No. It is in use.',
    amber: (time: string) => `Not before ${time}.`,
    green: 'Yes. Nothing needs it any more.',
    greenText: (time: string) =>
      `Nothing here has needed this key since ${time}. Disable it in AWS first; delete it when nobody has missed it.`,
    remove: 'Remove the entry',
    removeTitle: (name: string) => `Remove “${name}” from the list`,
    removeText:
      'Only the entry goes: the key in AWS stays as it is. Keep the key in AWS for as long as the page says that it is not safe to delete.',
  },
  bring: {
    title: 'Bring your own key',
    steps: ['Where', 'Give access', 'Check', 'Register', 'Rehearse', 'Move'],
    back: 'Back',
    next: 'Go on',
    where: 'Where is the key, or where should it be?',
    exists: 'I have a key',
    existsText: 'A symmetric key in AWS KMS. Better one that is multi-region.',
    make: 'I have none yet',
    makeText: 'You get a script and a Terraform module that make it.',
    arn: 'ARN of the key',
    arnHint: 'Such as arn:aws:kms:eu-west-1:123456789012:key/mrk-… ; an alias works, too.',
    account: 'AWS account',
    accountHint: '12 digits.',
    accountFault: 'An AWS account has 12 digits.',
    regions: 'Regions',
    regionsHint: 'The key’s own region first, then those of its copies, with commas between them.',
    arnFault: 'An ARN begins with arn: and names a key or an alias of KMS.',
    role: 'Role (if the key is reached through a role of yours)',
    access: 'Let Keyhold use the key',
    accessText:
      'Put one of these into AWS. Keyhold may then encrypt and decrypt with the key, for your tenant alone, and can do nothing else with it.',
    policy: 'Key policy',
    script: 'AWS CLI',
    terraform: 'Terraform',
    cloudFormation: 'CloudFormation',
    afterMake: 'When the key is made, put its ARN here:',
    check: 'Check the key with real calls',
    checking: 'Calling AWS in every region …',
    checkAgain: 'Check again',
    accepted: 'Everything answered as it should.',
    notAccepted: 'This has to be mended first.',
    outcomes: { passed: 'Passed', failed: 'Failed', warning: 'Warning', skipped: 'Skipped' } as Readonly<
      Record<string, string>
    >,
    what: 'Check',
    outcome: 'Outcome',
    register: 'Give the key a name',
    name: 'Name',
    nameHint: 'As your people will read it here and in the audit trail.',
    nameFault: 'Give it a name.',
    description: 'Description (may be empty)',
    save: 'Register the key',
    already: 'The key is registered already.',
    rehearse: 'See what a move would do',
    rehearsing: 'Counting and measuring; nothing is changed …',
    stopHere: 'Stop here: the key stays registered and is not used',
    couldStart: 'A move could start now.',
    couldNotStart: 'A move cannot start now.',
    warnings: 'It would start, and wait on the way:',
    census: (cipherkeys: number, unreadable: number) =>
      cipherkeys === 0
        ? 'Nothing is stored yet: new keys would be wrapped by this key from the beginning.'
        : unreadable === 0
          ? `${countOf(cipherkeys)} would be wrapped anew. All that were tried open.`
          : `${countOf(cipherkeys)} would be wrapped anew. ${unreadable} of them do not open, with the old key either.`,
    takes: (seconds: number) =>
      seconds < 3
        ? 'It takes a moment.'
        : seconds < 90
          ? `It takes about ${seconds} seconds.`
          : `It takes about ${Math.round(seconds / 60)} minutes.`,
    moveTitle: (tenant: string, name: string) => `Move ${tenant} to “${name}”`,
    moveText:
      'Your data is not touched and stays readable throughout. Leave both keys enabled until the page of the old key says that it is free. You can turn back until the switch at the end; after that, going back is another migration.',
    move: (cipherkeys: number) => (cipherkeys === 0 ? 'Move now' : `Move ${countOf(cipherkeys)}`),
  },
  migrations: {
    title: 'Migrations',
    lead: 'Every move of your data to another key, and every renewal of the tenant key.',
    none: 'Your data was never moved to another key.',
    started: 'Started',
    kind: 'Kind',
    to: 'To',
    state: 'State',
    kinds: { migration: 'Migration', rotation: 'Rotation' } as Readonly<Record<string, string>>,
    phases: {
      prepare: 'Preparing',
      dual: 'Preparing',
      copy: 'Wrapping anew',
      verify: 'Checking each one',
      cutover: 'Switching',
      done: 'Done',
      aborting: 'Turning back',
      aborted: 'Turned back',
    } as Readonly<Record<string, string>>,
    one: 'A migration',
    progress: (percent: number) => `${percent} % are done`,
    counts: (copied: string, total: string) => `${copied} of ${total} stored keys`,
    waits: 'It waits, and nothing is lost.',
    waitsUntil: (time: string) => `It tries again at ${time}.`,
    retry: 'Try again now',
    cancel: 'Turn back',
    cancelTitle: 'Turn this migration back',
    cancelText: 'Everything goes back to the key from which it came. Your data stays readable throughout.',
    bad: (failed: string, total: string) =>
      `${failed} of ${total} stored keys do not open, with the old key either.`,
    badText:
      'What they encrypt is unreadable now and was before. All others are moved; the last step waits for you. Restore them from a backup and try again; or go on without them, in which case the old key can never be deleted while they exist; or turn back.',
    accept: (failed: string) => `Go on without these ${failed}`,
    acceptTitle: (failed: string) => `Go on without ${failed} stored keys`,
    acceptPhrase: 'go on without them',
    done: 'Your data is protected by the new key.',
    doneText: 'Leave the old key enabled until its page says that it is free.',
    report: 'Signed report',
    reportText: 'It proves what was moved, when and by whom. Keep it.',
  },
  lock: {
    title: 'Kill switch',
    open: 'Nobody has locked this tenant.',
    openText:
      'Locking closes everything of the tenant at once, whatever its key says. Nothing is deleted, AWS is not touched, and a running migration waits.',
    locked: (time: string) => `Locked since ${time}.`,
    lockedText: 'Nothing can be encrypted or decrypted until one of your administrators unlocks it.',
    lock: (tenant: string) => `Lock ${tenant}`,
    lockTitle: (tenant: string) => `Lock ${tenant}`,
    lockText:
      'Within seconds nothing of this tenant can be encrypted or decrypted, anywhere, until one of your administrators unlocks it. Your applications will fail. A program that already holds a leased key can use it until the lease ends. Nothing is deleted.',
    phrase: (tenant: string) => `lock ${tenant}`,
    type: (phrase: string) => `Type ${phrase} to go on`,
    why: 'Why? It is kept in the audit trail for ever.',
    because: (reason: string) => `Reason: ${reason}`,
    by: (name: string) => `By ${name}.`,
    unlock: (tenant: string) => `Unlock ${tenant}`,
    unlockTitle: (tenant: string) => `Unlock ${tenant}`,
    unlockText: 'Everything opens again within seconds, as far as the key allows it.',
    leave: 'Leave it as it is',
  },
  audit: {
    title: 'Audit trail',
    lead: 'Everything that was done with your keys, each record chained to the one before it.',
    none: 'Nothing has happened yet.',
    at: 'When',
    who: 'Who',
    what: 'What',
    on: 'On',
    newest: 'Newest',
    older: 'Older',
    forged: (sequence: number) => `Record ${sequence} was not written by Keyhold. Tell your vendor.`,
  },
}

export type Words = typeof en
