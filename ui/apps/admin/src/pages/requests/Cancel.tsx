import { Confirm } from "@awe/kit";
import { useQueryClient } from "@tanstack/react-query";
import { useApi } from "../../api/client.tsx";
import { useT } from "../../api/words.ts";
import { titleOf } from "../inbox/queue.ts";
import type { Request } from "./story.tsx";

export function Cancel({ request, opened, onClose }: { request: Request; opened: boolean; onClose: () => void }) {
  const t = useT();
  const api = useApi();
  const client = useQueryClient();
  return (
    <Confirm
      opened={opened}
      onClose={onClose}
      title={t("cancel.title")}
      effect={t("cancel.effect", { what: titleOf(request) })}
      act={t("request.cancel")}
      danger
      reason={{ label: t("cancel.reason"), required: true }}
      onConfirm={async (reason) => {
        await api.cancel(request.id, reason);
        await client.invalidateQueries({ queryKey: ["request", request.id] });
        client.invalidateQueries({ queryKey: ["requests"] });
      }}
    />
  );
}
