/**
 * A subject that no caller can name: the tenant itself. Its key is made and wrapped like any other, and serves what belongs to no
 * subject alone; wrapped anew when the key of the tenant is rotated, it is never replaced itself.
 */
export const TENANT_ITSELF = ''
