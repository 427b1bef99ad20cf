"""Graph networks pretrained on quantities that cost no label (FBNetV3, Dai et al., CVPR 2021)."""
