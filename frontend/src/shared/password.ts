/** As the server asks. */
export const PASSWORD_LENGTH = 8;

/** What is wrong with a password that is to be set, or null. */
export const newPasswordError = (value: string) =>
  value.length >= PASSWORD_LENGTH ? null : `Use at least ${PASSWORD_LENGTH} characters.`;
