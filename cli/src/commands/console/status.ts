// keyhold status: the state of the tenant in one answer.
import { plain } from '../../table/plain-command.ts'
import { overviewView } from '../../views/console/overview.ts'

export const statusCommand = plain({
  name: 'status',
  about: 'Show what protects the tenant, whether that is well, and who has to act.',
  as: 'tenant-admin',
  route: 'getOverview',
  view: overviewView,
})
