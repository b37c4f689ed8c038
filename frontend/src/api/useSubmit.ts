import type { UseFormReturnType } from '@mantine/form';
import { useMutation } from '@tanstack/react-query';
import { fieldErrors, toApiError } from './problem';

interface Submission<Values, Saved> {
  form: UseFormReturnType<Values>;
  /** The fields that show their own errors; what is said of others stands above the form. */
  fields: readonly string[];
  send: (values: Values) => Promise<Saved>;
  onSaved: (saved: Saved) => void;
  /** What is said of a refusal in place of the server's words, by its code. */
  words?: Readonly<Record<string, string>>;
}

/** Sends a form, and lays what the server refuses at its fields; `message` is what belongs to none. */
export function useSubmit<Values, Saved>({
  form,
  fields,
  send,
  onSaved,
  words = {},
}: Submission<Values, Saved>) {
  const submit = useMutation({
    mutationFn: send,
    onSuccess: onSaved,
    onError: (thrown) => form.setErrors(fieldErrors(toApiError(thrown), fields)),
  });
  const failure = submit.error && toApiError(submit.error);
  return {
    onSubmit: form.onSubmit((values) => submit.mutate(values)),
    isPending: submit.isPending,
    isSaved: submit.isSuccess,
    message:
      form.errors.form ??
      (failure && failure.errors.length === 0 ? (words[failure.code] ?? failure.message) : null),
  };
}
