package payment

import (
	"context"
	"encoding/json"
	"fmt"
)

// Work does one job as its worker does, for tests that bring their own workers.
func (s *Service) Work(ctx context.Context, kind string, args []byte) error {
	switch kind {
	case openArgs{}.Kind():
		return workAs(ctx, args, s.workOpen)
	case webhookArgs{}.Kind():
		return workAs(ctx, args, s.workWebhook)
	case refundArgs{}.Kind():
		return workAs(ctx, args, s.workRefund)
	case disputeArgs{}.Kind():
		return workAs(ctx, args, s.workDispute)
	case cancelArgs{}.Kind():
		return workAs(ctx, args, s.workCancel)
	}
	return fmt.Errorf("no worker for %s", kind)
}

func workAs[A any](ctx context.Context, args []byte, work func(context.Context, A) error) error {
	var a A
	if err := json.Unmarshal(args, &a); err != nil {
		return err
	}
	return work(ctx, a)
}
