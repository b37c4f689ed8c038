/** Where tables become cards. */
export const PHONE = '(max-width: 767.98px)';
