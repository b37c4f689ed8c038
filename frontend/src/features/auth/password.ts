/** As the server asks. */
export const PASSWORD_LENGTH = 8;
