// Which documents are pages of the site, in which order, and under which names.

export interface Page {
  /** The document, from the root of the repository. */
  source: string
  /** Where it is in the site. */
  place: string
  /** Its name in the sidebar. */
  title: string
}

export interface Section {
  title: string
  pages: readonly Page[]
}

/** The reference of the API, which is no document. */
export const apiReference = { place: 'api.html', title: 'Try the API' }

function page(source: string, title: string, place = source.replace('docs/', '')): Page {
  return { source, place, title }
}

export const sections: readonly Section[] = [
  {
    title: 'Start',
    pages: [
      page('docs/start.md', 'In five minutes', 'index.md'),
      page('docs/keys.md', 'The keys, and what is lost'),
      page('docs/tutorial.md', 'Tutorial'),
      page('docs/comparison.md', 'Beside other systems'),
    ],
  },
  {
    title: 'Running it',
    pages: [
      page('docs/production.md', 'In production'),
      page('docs/deployment.md', 'Images, charts, units'),
      page('docs/configuration.md', 'Settings'),
      page('docs/people.md', 'People who sign in'),
      page('docs/issuer.md', 'Signing in at clouds'),
      page('docs/metrics.md', 'Metrics and alerts'),
      page('docs/disaster-recovery.md', 'When something is lost'),
      page('docs/kms-usage.md', 'Calls to AWS KMS'),
      page('docs/adoption.md', 'Authenticated rows'),
      page('CHANGELOG.md', 'Changes', 'changes.md'),
    ],
  },
  {
    title: 'Keys of customers',
    pages: [
      page('docs/customer-keys.md', "A customer's key"),
      page('docs/migration.md', 'Migration'),
      page('docs/revocation.md', 'Revocation'),
      page('docs/key-causes.md', 'Causes and texts'),
      page('docs/destruction.md', 'Destruction'),
      page('docs/audit.md', 'The audit trail'),
      page('docs/console-api.md', 'Routes for a console'),
    ],
  },
  {
    title: 'Using it',
    pages: [
      page('docs/api.md', 'The API', 'routes.md'),
      page('docs/api-keys.md', 'API keys'),
      page('docs/jwt.md', 'JWTs and certificates'),
      page('docs/errors.md', 'Errors'),
      page('client/README.md', 'The SDK', 'sdk.md'),
      page('cli/README.md', 'The command line', 'cli.md'),
      page('local-kms/README.md', 'The KMS for tests', 'local-kms.md'),
    ],
  },
  {
    title: 'Security',
    pages: [
      page('docs/threat-model.md', 'Threat model'),
      page('docs/untrusted-database.md', 'The database is not trusted'),
      page('docs/formats.md', 'Formats'),
      page('docs/storage.md', 'What is stored'),
      page('SECURITY.md', 'Reporting a hole', 'security.md'),
    ],
  },
  {
    title: 'Measured',
    pages: [
      page('docs/performance.md', 'Speed'),
      page('docs/load.md', 'Long runs'),
      page('docs/neighbours.md', 'Neighbours'),
      page('docs/reliability.md', 'Kills and races'),
      page('docs/wire-proofs.md', 'Callers and the wire'),
      page('docs/scale.md', 'Past one database'),
    ],
  },
  {
    title: 'Inside',
    pages: [
      page('docs/architecture.md', 'Architecture'),
      page('docs/decisions/0001-runtime-dependencies.md', '1 · Dependencies'),
      page('docs/decisions/0002-one-construction-cobblestone.md', '2 · One construction'),
      page('docs/decisions/0003-embedded-postgres-supervised-by-us.md', '3 · Embedded PostgreSQL'),
      page('docs/decisions/0004-fence-and-epoch.md', '4 · Fence and epoch'),
      page('docs/decisions/0005-partitions-and-steps.md', '5 · Partitions and steps'),
      page(
        'docs/decisions/0006-console-without-a-component-library.md',
        '6 · A console without a component library',
      ),
    ],
  },
]
