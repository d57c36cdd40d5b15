/**
 * A subject that no caller can name: the tenant itself. Its key is made, wrapped and rotated like any other, and serves what belongs
 * to no subject alone.
 */
export const TENANT_ITSELF = ''
