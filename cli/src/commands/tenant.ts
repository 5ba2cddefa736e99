// keyhold tenant …: the operator's tenants.
import { parseTenantState } from '../input/parse-tenant-state.ts'
import { parsePathSegment } from '../input/parse-path-segment.ts'
import type { CommandGroup } from '../table/command-spec.ts'
import { argument, option, required } from '../table/input.ts'
import { plain } from '../table/plain-command.ts'
import { destructionView } from '../views/destruction.ts'
import { tenantListView, tenantView } from '../views/tenant.ts'
import { inDays } from './destruction.ts'

const theTenant = argument('<id>', 'id of the tenant', parsePathSegment)
const as = 'operator'

export const tenantGroup: CommandGroup = {
  name: 'tenant',
  about: 'Tenants (with an operator token).',
  commands: [
    plain({
      name: 'create',
      about: 'Create a tenant, protected by the internal KMS.',
      as,
      route: 'createTenant',
      body: {
        name: required('--name <name>', 'name for people'),
        id: option('--id <id>', 'letters, digits, _ and -; the server makes one when it is left out'),
      },
      view: tenantView,
    }),
    plain({
      name: 'ls',
      alias: 'list',
      about: 'List tenants.',
      as,
      route: 'listTenants',
      query: {
        search: option('--search <text>', 'whose name, in any letters, or id begins so'),
        state: option(
          '--state <state>',
          'of which this is so: locked, key-trouble, key-job, deleting',
          parseTenantState,
        ),
      },
      view: tenantListView,
    }),
    plain({
      name: 'get',
      about: 'Show one tenant.',
      as,
      route: 'getTenant',
      path: { tenantId: theTenant },
      view: tenantView,
    }),
    plain({
      name: 'rm',
      about: 'Delete a tenant under which nothing was ever encrypted.',
      as,
      route: 'deleteTenant',
      path: { tenantId: theTenant },
      question: ({ tenantId }) => `delete the tenant ${String(tenantId)}?`,
      view: 'status',
    }),
    plain({
      name: 'delete',
      about: 'Schedule the deletion of a tenant, and with it of everything that it ever encrypted.',
      as,
      route: 'scheduleTenantDeletion',
      path: { tenantId: theTenant },
      body: { inDays },
      question: (values) =>
        `in ${String(values.inDays)} days, delete the tenant ${String(values.tenantId)} and all that it ever encrypted?`,
      view: destructionView,
    }),
    plain({
      name: 'cancel-deletion',
      about: 'Cancel the scheduled deletion of a tenant.',
      as,
      route: 'cancelTenantDeletion',
      path: { tenantId: theTenant },
      view: destructionView,
    }),
  ],
}
