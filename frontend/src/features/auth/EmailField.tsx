import { TextInput, type TextInputProps } from '@mantine/core';

export const emailError = (value: string) =>
  /^\S+@\S+$/.test(value.trim()) ? null : 'Enter your e-mail address.';

export function EmailField(props: TextInputProps) {
  return <TextInput label="E-mail" type="email" size="md" autoComplete="username" autoFocus {...props} />;
}
