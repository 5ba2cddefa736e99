// The brand as the wire shows it.
import type { BrandInformation } from '@keyhold/contract'
import type { Brand, StoredBrand } from '../../store/console/brand.ts'

/** Without a session, and so below the path of the console. */
export const brandPath = '/console/brand.json'
export const logoPath = '/console/brand/logo'

const ownName = 'Keyhold'

/** @param brand - undefined: nobody has set one */
export function brandWire(brand: StoredBrand | undefined): BrandInformation {
  if (brand === undefined) return { name: ownName }
  const { name, accent, logo, contact, imprintUrl, privacyUrl, termsUrl, version } = brand
  return {
    name,
    ...(accent !== undefined && { accent }),
    ...(contact !== undefined && { contact }),
    ...(imprintUrl !== undefined && { imprintUrl }),
    ...(privacyUrl !== undefined && { privacyUrl }),
    ...(termsUrl !== undefined && { termsUrl }),
    // Another picture has another address: browsers keep what they have.
    ...(logo !== undefined && {
      logo: { type: logo.type as LogoType, path: `${logoPath}?version=${version}` },
    }),
    version,
  }
}

type LogoType = NonNullable<BrandInformation['logo']>['type']

interface AskedBrand extends Omit<BrandInformation, 'logo' | 'version'> {
  logo?: { type: string; data: string }
}

export function brandOf({ logo, ...asked }: AskedBrand): Brand {
  return {
    ...{ name: asked.name, accent: asked.accent, contact: asked.contact },
    ...{ imprintUrl: asked.imprintUrl, privacyUrl: asked.privacyUrl, termsUrl: asked.termsUrl },
    logo: logo && { type: logo.type, bytes: Buffer.from(logo.data, 'base64') },
  }
}
