/** What a row may be asked for. */
export interface PositionAction {
  kind: 'close' | 'reverse' | 'protect';
  id: string;
}
