// All commands, in the order of --help.
import type { CommandGroup } from '../table/command-spec.ts'
import { apiKeyGroup } from './api-key.ts'
import { auditGroup } from './audit.ts'
import { completionCommand } from './completion.ts'
import { replicaGroup } from './console/replica.ts'
import { statusCommand } from './console/status.ts'
import { whoamiCommand } from './console/whoami.ts'
import { contextGroup } from './context.ts'
import { dataKeyGroup } from './data-key.ts'
import { destructionGroup } from './destruction.ts'
import { doctorCommand } from './doctor.ts'
import { drGroup } from './dr.ts'
import { decryptCommand, encryptCommand } from './encryption.ts'
import { keyproviderGroup } from './keyprovider.ts'
import { leaseKeyGroup } from './lease-key.ts'
import { lockCommand, unlockCommand } from './lock.ts'
import { migrationGroup } from './migration.ts'
import { settingsGroup } from './settings.ts'
import { tenantKeyGroup } from './tenant-key.ts'
import { tenantGroup } from './tenant.ts'
import { usageGroup } from './usage.ts'

export const commandTable: CommandGroup['commands'] = [
  statusCommand,
  keyproviderGroup,
  migrationGroup,
  tenantKeyGroup,
  encryptCommand,
  decryptCommand,
  dataKeyGroup,
  leaseKeyGroup,
  destructionGroup,
  auditGroup,
  lockCommand,
  unlockCommand,
  settingsGroup,
  drGroup,
  usageGroup,
  tenantGroup,
  replicaGroup,
  apiKeyGroup,
  whoamiCommand,
  contextGroup,
  completionCommand,
  doctorCommand,
  {
    name: 'encryption',
    about: "The original CLI's spelling: keyhold encryption keyprovider …",
    commands: [keyproviderGroup],
  },
]
