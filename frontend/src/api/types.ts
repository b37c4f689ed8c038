import type { components } from './schema';

type Schemas = components['schemas'];

export type Account = Schemas['Account'];
export type CreatedStrategy = Schemas['CreatedStrategy'];
export type Environment = Schemas['Environment'];
export type ExitReason = Schemas['ExitReason'];
export type FieldError = Schemas['FieldError'];
export type FlightRecord = Schemas['FlightRecord'];
export type Health = Schemas['Health'];
export type LiveMessage = Schemas['LiveMessage'];
export type NewAccount = Schemas['NewAccount'];
export type NewStrategy = Schemas['NewStrategy'];
export type OnOpposite = Schemas['OnOpposite'];
export type Order = Schemas['Order'];
export type Position = Schemas['Position'];
export type PositionSide = Position['side'];
export type PositionStatus = Schemas['PositionStatus'];
export type PriceItem = Schemas['PriceItem'];
export type Problem = Schemas['Problem'];
export type Session = Schemas['Session'];
export type Signal = Schemas['Signal'];
export type SignalStatus = Schemas['SignalStatus'];
export type SizingMode = Schemas['SizingMode'];
export type Strategy = Schemas['Strategy'];
export type StreamHealth = Schemas['StreamHealth'];
export type Trade = Schemas['Trade'];
export type User = Schemas['User'];
