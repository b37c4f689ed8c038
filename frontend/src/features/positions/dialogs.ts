import { lazy } from 'react';

const position = () => import('./PositionDialog').then((file) => ({ default: file.PositionDialog }));
const protection = () => import('./ProtectionDialog').then((file) => ({ default: file.ProtectionDialog }));

/** Not part of the first screen, but there before anybody can click: a close must not wait for the network. */
export const PositionDialog = lazy(position);
export const ProtectionDialog = lazy(protection);

export function preloadDialogs(): void {
  void position();
  void protection();
}
